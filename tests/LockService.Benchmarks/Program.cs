using LockService.Benchmarks;

// Each command measures peers side by side, by turns, in one run, and prints a Markdown table of medians and ratios.
return args switch
{
    ["client"] => await ClientComparison.RunAsync(),
    ["client-load", var servers] => await ClientLoad.RunAsync(servers),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("dotnet run -c Release --project tests/LockService.Benchmarks -- client");
    return 2;
}
