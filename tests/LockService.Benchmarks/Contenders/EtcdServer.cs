using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using LockService.Testing;

namespace LockService.Benchmarks.Contenders;

/// <summary>
/// A real etcd of one member in a process of its own, with its default durability. It ends with this process, however that ends: a shell
/// watches over it and kills it when the pipe from here closes.
/// </summary>
internal sealed class EtcdServer : IDisposable
{
    private const string Watchdog =
        """
        directory=$1; shift
        "$@" </dev/null >"$directory/log" 2>&1 &
        echo $!
        read -r _
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
        rm -rf "$directory"
        """;

    private readonly Process _watchdog;
    private readonly HttpClient _http;

    private EtcdServer(Process watchdog, Uri address, int processId)
    {
        _watchdog = watchdog;
        _http = new HttpClient { BaseAddress = address };
        (Address, ProcessId) = (address, processId);
    }

    internal Uri Address { get; }

    internal int ProcessId { get; }

    internal static async Task<EtcdServer> StartAsync()
    {
        string directory = Directory.CreateTempSubdirectory("lockservice-etcd-").FullName;
        string clients = $"http://127.0.0.1:{FreePort.Next()}";
        string members = $"http://127.0.0.1:{FreePort.Next()}";
        string[] command =
        [
            "-c", Watchdog, "watchdog", directory, "etcd", "--data-dir", Path.Combine(directory, "data"),
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", members, "--initial-advertise-peer-urls", members, "--initial-cluster", $"default={members}",
        ];
        Process watchdog = Process.Start(new ProcessStartInfo("sh", command) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        int processId = int.Parse((await watchdog.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        var etcd = new EtcdServer(watchdog, new Uri(clients), processId);
        await Eventually.TrueAsync("etcd answers", etcd.IsHealthyAsync, TimeSpan.FromSeconds(30));
        return etcd;
    }

    /// <summary>The bytes of a key or value as the gateway's JSON carries them.</summary>
    internal static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    /// <summary>A lease of ten minutes.</summary>
    internal async Task<string> GrantLeaseAsync()
    {
        using var request = new StringContent("""{"TTL":"600"}""");
        using HttpResponseMessage response = await _http.PostAsync(new Uri("/v3/lease/grant", UriKind.Relative), request);
        JsonElement answer = await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
        return answer.GetProperty("ID").GetString()!;
    }

    public void Dispose()
    {
        _http.Dispose();
        _watchdog.StandardInput.Close();
        _watchdog.WaitForExit();
        _watchdog.Dispose();
    }

    private async Task<bool> IsHealthyAsync()
    {
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(new Uri("/health", UriKind.Relative));
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
