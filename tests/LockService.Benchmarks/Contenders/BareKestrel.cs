using System.Diagnostics;
using LockService.Contracts;
using LockService.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LockService.Benchmarks.Contenders;

/// <summary>The floor: a minimal API that answers the service's JSON without a store, in a process of its own.</summary>
internal static class BareKestrel
{
    private static long s_last;

    /// <summary>Serves until standard input ends.</summary>
    internal static async Task<int> ServeAsync(string url)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractJson.Default);
            foreach (var converter in ContractJson.Default.Options.Converters)
            {
                json.SerializerOptions.Converters.Add(converter);
            }
        });
        await using WebApplication app = builder.Build();
        app.MapPost("/v1/counters/{name}/increment", Increment);
        app.MapPost("/v1/locks/{name}/acquire", Acquire);
        app.MapPost("/v1/locks/{name}/release", (string name, ReleaseRequest release) => TypedResults.NoContent());
        await app.StartAsync();
        Console.WriteLine("ready");
        await Console.In.ReadToEndAsync();
        return 0;
    }

    /// <summary>Starts it with the service's settings of the garbage collector.</summary>
    internal static Task<LoadProcess> StartAsync(Uri address) => LoadProcess.StartAsync(
        new ProcessStartInfo(Environment.ProcessPath!, ["bare-kestrel", address.ToString()]) { Environment = { ["DOTNET_gcServer"] = "1" } });

    internal static Uri NewAddress() => new($"http://127.0.0.1:{FreePort.Next()}");

    private static Ok<IncrementReply> Increment(string name)
    {
        long value = Interlocked.Increment(ref s_last);
        return TypedResults.Ok(new IncrementReply(name, value, value - 1));
    }

    private static Ok<LeaseReply> Acquire(string name, AcquireRequest request)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return TypedResults.Ok(new LeaseReply(
            name,
            $"Ks1VqA0ch8P4pXJm2Zk3FQAAAAAA.{name}",
            Interlocked.Increment(ref s_last),
            request.Mode,
            "127.0.0.1",
            request.TtlMs,
            0,
            now,
            now.AddMilliseconds(request.TtlMs)));
    }
}
