using LockService.Api;
using LockService.Api.Hosting;
using LockService.Api.OpenApi;
using LockService.Api.Requests;

try
{
    WebApplicationBuilder builder = ServiceDefaults.CreateBuilder(args);
    ApiOptions options = SettingsReader.Read(builder.Configuration);
    builder.AddJsonLogs();
    builder.AddKestrel(options);
    builder.AddCoordination(options);
    builder.AddContractJson();
    builder.AddContractDocument();

    WebApplication app = builder.Build();
    app.UseMiddleware<RequestConventions>();
    app.MapLocks();
    app.MapCounters();
    app.MapQueues();
    app.MapService();
    app.MapSwagger();

    await app.RunAsync();
    return 0;
}
catch (Exception e) when (StartupException.From(e) is { } mistakes)
{
    return mistakes.Report();
}
