using System.Net.Sockets;
using System.Text;

namespace LockService.Api.Tests;

/// <summary>Sends bytes that no HTTP client would.</summary>
internal static class RawRequest
{
    /// <returns>Everything that came until the service closed the connection, or nothing came any more.</returns>
    internal static async Task<string> SendAsync(Uri address, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request));
        var answer = new StringBuilder();
        byte[] buffer = new byte[64 * 1024];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer, patience.Token)) > 0)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, count));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            answer.Append($"\n({e.GetType().Name})");
        }

        return answer.ToString();
    }
}
