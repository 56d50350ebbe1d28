using System.Diagnostics;
using System.Globalization;
using LockService.ZooKeeper;

namespace LockService.Benchmarks;

/// <summary>
/// The load of one client in a process of its own: reads lines <c>operation count</c>, does the operation that often from one session with
/// 256 requests in flight, and answers with a line <c>requests/s  CPU µs/request  bytes allocated/request</c>. ClientLoad.java does the same.
/// </summary>
internal static class ClientLoad
{
    internal const int InFlight = 256;
    private const int MultiSize = 100;
    private static readonly byte[] s_data = new byte[100];

    internal static async Task<int> RunAsync(string servers)
    {
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(servers) });
        await client.CreateAsync("/dotnet");
        for (int i = 0; i < InFlight; i++)
        {
            await client.CreateAsync($"/dotnet/{i}", s_data);
        }

        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            Console.WriteLine(await MeasureAsync(client, words[0], int.Parse(words[1], CultureInfo.InvariantCulture)));
        }

        return 0;
    }

    private static async Task<string> MeasureAsync(ZooKeeperClient client, string operation, int count)
    {
        Func<int, Task> send = OperationOf(client, operation);
        using Process self = Process.GetCurrentProcess();
        TimeSpan cpuBefore = self.TotalProcessorTime;
        long allocatedBefore = GC.GetTotalAllocatedBytes();
        long start = TimeProvider.System.GetTimestamp();
        int next = 0;
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(async lane =>
        {
            while (Interlocked.Increment(ref next) <= count)
            {
                await send(lane).ConfigureAwait(false);
            }
        }));
        double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        self.Refresh();
        double cpu = (self.TotalProcessorTime - cpuBefore).TotalMicroseconds / count;
        double allocated = (double)(GC.GetTotalAllocatedBytes() - allocatedBefore) / count;
        return string.Create(CultureInfo.InvariantCulture, $"{count / seconds:F0} {cpu:F2} {allocated:F0}");
    }

    private static Func<int, Task> OperationOf(ZooKeeperClient client, string operation)
    {
        string[] paths = [.. Enumerable.Range(0, InFlight).Select(lane => $"/dotnet/{lane}")];
        string[] children = [.. paths.Select(path => path + "/child")];
        return operation switch
        {
            "setData" => lane => client.SetDataAsync(paths[lane], s_data, -1),
            "getData" => lane => client.GetDataAsync(paths[lane]),
            "exists" => lane => client.ExistsAsync(paths[lane]),
            "createDelete" => async lane =>
            {
                Task create = client.CreateAsync(children[lane], s_data);
                Task delete = client.DeleteAsync(children[lane]);
                await create.ConfigureAwait(false);
                await delete.ConfigureAwait(false);
            },
            "multi" => lane =>
            {
                var transaction = new Transaction();
                for (int i = 0; i < MultiSize; i++)
                {
                    transaction.SetData(paths[lane], s_data, -1);
                }

                return client.CommitAsync(transaction);
            },
            _ => throw new ArgumentException($"No operation '{operation}'.", nameof(operation)),
        };
    }
}
