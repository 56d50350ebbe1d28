using LockService.Api;
using LockService.Api.Hosting;
using LockService.Api.OpenApi;
using LockService.Api.Requests;

WebApplication app;
try
{
    WebApplicationBuilder builder = ServiceDefaults.CreateBuilder(args);
    ApiOptions options = SettingsReader.Read(builder.Configuration);
    builder.AddJsonLogs();
    builder.AddKestrel(options);
    builder.AddCoordination(options);
    builder.AddContractJson();
    builder.AddContractDocument();

    app = builder.Build();
    app.UseMiddleware<RequestConventions>();
    app.MapLocks();
    app.MapLeases();
    app.MapMultiLocks();
    app.MapCounters();
    app.MapQueues();
    app.MapService();
    app.MapSwagger();

    await app.StartAsync();
}
catch (Exception e) when (StartupException.From(e) is { } mistakes)
{
    return mistakes.Report();
}

await app.WaitForShutdownAsync();
await app.DisposeAsync();
return 0;
