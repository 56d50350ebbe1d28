using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration.Memory;

namespace LockService.Api.Hosting;

/// <summary>How the service is put together, one method per line of Program.cs.</summary>
internal static class ServiceDefaults
{
    private const string DefaultUrl = "http://127.0.0.1:8080";

    /// <summary>
    /// Larger bodies cut the connection. Those between this and the limit of the contract are read to their end and thrown away, since
    /// many clients look for the answer only after they have sent everything, and would see a broken connection instead of the 413.
    /// </summary>
    private const long MaxDiscardedBytes = 64 * 1024 * 1024;

    /// <summary>
    /// Room for a name of 10 KiB with every byte escaped, so that it is refused as a name, with a problem that says so, and not by the
    /// server for the length of its line.
    /// </summary>
    private const int MaxRequestLineBytes = 64 * 1024;

    /// <summary>
    /// Configuration that everything else overrides. Request logs are off: they would cost more than the requests. The category of the
    /// host's diagnostics is off since its level decides whether every request gets an activity, wanted or not.
    /// </summary>
    private static readonly Dictionary<string, string?> s_defaults = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
        // What keeps the service from starting is told once, on standard error.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "None",
    };

    private static readonly string[] s_urlKeys = ["urls", "http_ports", "https_ports"];

    internal static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // appsettings.json lies beside the program, from wherever that is started.
        var options = new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory };
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(options);
        ((IConfigurationBuilder)builder.Configuration).Sources.Insert(0, new MemoryConfigurationSource { InitialData = s_defaults });
        return builder;
    }

    internal static void AddJsonLogs(this WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddJsonConsole(console =>
        {
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
    }

    internal static void AddCoordination(this WebApplicationBuilder builder, ApiOptions options)
    {
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ProblemMapper>();
        builder.Services.AddSingleton(services =>
            new Coordination(options.Coordination, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddHostedService<GracefulShutdown>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = GracefulShutdown.RequestDeadline);
    }

    internal static void AddContractJson(this WebApplicationBuilder builder) => builder.Services.Configure<JsonOptions>(json =>
    {
        json.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractJson.Default);
        foreach (var converter in ContractJson.Default.Options.Converters)
        {
            json.SerializerOptions.Converters.Add(converter);
        }

        json.SerializerOptions.Encoder = ContractJson.Readable.Options.Encoder;
        json.SerializerOptions.NumberHandling = ContractJson.Default.Options.NumberHandling;
        json.SerializerOptions.DefaultIgnoreCondition = ContractJson.Default.Options.DefaultIgnoreCondition;
        json.SerializerOptions.RespectNullableAnnotations = true;
    });

    internal static void AddKestrel(this WebApplicationBuilder builder, ApiOptions options)
    {
        // Lines end with CR LF. What takes a bare LF for an end and what does not would see different requests in the same bytes.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddHostedService<ServerRejections>();
        if (!HasUrl(builder.Configuration))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            KestrelServerLimits limits = kestrel.Limits;
            limits.MaxRequestBodySize = MaxDiscardedBytes;
            limits.MaxRequestLineSize = MaxRequestLineBytes;
            limits.MaxConcurrentConnections = options.MaxConnections;
            limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
            limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
            limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
            limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        });
    }

    private static bool HasUrl(ConfigurationManager configuration) =>
        s_urlKeys.Any(key => !string.IsNullOrEmpty(configuration[key]))
        || configuration.GetSection("Kestrel:Endpoints").GetChildren().Any();
}
