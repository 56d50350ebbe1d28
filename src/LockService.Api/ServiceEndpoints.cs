using LockService.Api.OpenApi;
using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>What the service tells of itself.</summary>
internal static class ServiceEndpoints
{
    private static readonly string s_version = typeof(ServiceEndpoints).Assembly.GetName().Version!.ToString(3);
    private static readonly string[] s_probeMethods = [HttpMethods.Get, HttpMethods.Head];

    public static void MapService(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder service = routes.MapGroup("").WithTags("Service");
        service.MapGet("/v1/status", GetStatus).WithName("getStatus").WithProblems(ProblemKind.InvalidRequest);
        service.MapMethods("/livez", s_probeMethods, GetLive).WithName("getLive");
        service.MapMethods("/readyz", s_probeMethods, GetReady).WithName("getReady");
        service.MapMethods("/healthz", s_probeMethods, GetReady).WithName("getHealth");
        service.MapGet("/openapi.yaml", (ContractDocument document) => TypedResults.Text(document.Yaml, "application/yaml")).ExcludeFromDescription();
        service.MapGet("/openapi.json", (ContractDocument document) => TypedResults.Text(document.Json, "application/json")).ExcludeFromDescription();
    }

    /// <summary>See the state of the instance</summary>
    /// <remarks>The version, the instance and its connection to ZooKeeper. Answers also while ZooKeeper is away.</remarks>
    private static Answer<StatusReply> GetStatus(Coordination coordination)
    {
        StoreStatus store = coordination.Status;
        long? timeout = (long?)store.SessionTimeout?.TotalMilliseconds;
        var zooKeeper = new ZooKeeperReply(store.SessionState, store.SessionId, timeout, store.Server, store.Ensemble);
        return JsonAnswer.Ok(new StatusReply(s_version, coordination.InstanceId, store.Draining, zooKeeper));
    }

    /// <summary>Whether the process lives</summary>
    /// <remarks>Says nothing of ZooKeeper: restarting the process would not bring it back.</remarks>
    private static Answer<ProbeReply> GetLive() => JsonAnswer.Ok(new ProbeReply("live"));

    /// <summary>Whether the instance can serve</summary>
    /// <remarks>Needs a live ZooKeeper session, and fails as soon as the instance begins to shut down.</remarks>
    private static Results<Answer<ProbeReply>, NotReady> GetReady(Coordination coordination)
    {
        StoreStatus store = coordination.Status;
        return store.Connected && !store.Draining ? JsonAnswer.Ok(new ProbeReply("ready")) : new NotReady(store.Draining);
    }
}
