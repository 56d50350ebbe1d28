using LockService.Benchmarks;
using LockService.Benchmarks.Contenders;

// Each command measures peers side by side, by turns, in one run, and prints a Markdown table of medians and ratios.
return args switch
{
    ["client", .. var operations] => await ClientComparison.RunAsync(operations),
    ["codec"] => CodecBenchmarks.Run(),
    ["peers", .. var options] => await PeerComparison.RunAsync(options),
    ["client-load", var servers] => await ClientLoad.RunAsync(servers),
    ["bare-kestrel", var url] => await BareKestrel.ServeAsync(url),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("dotnet run -c Release --project tests/LockService.Benchmarks -- client [operation...] | codec");
    Console.Error.WriteLine(PeerOptions.Usage);
    return 2;
}
