using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>
/// How the contract's records become JSON and back. Reading is strict: unknown or duplicate members, null where a value belongs, and
/// numbers as text are refused, so that nothing a caller wrote is silently ignored.
/// </summary>
/// <remarks>
/// Requests are records with setters, because generated code gives a member that is left out of the JSON the default of its type, not of
/// its initializer, if it can only be set at initialization.
/// </remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false,
    MaxDepth = MaxDepth,
    Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(AcquireRequest))]
[JsonSerializable(typeof(RenewRequest))]
[JsonSerializable(typeof(ReleaseRequest))]
[JsonSerializable(typeof(LeaseReply))]
[JsonSerializable(typeof(LockReply))]
[JsonSerializable(typeof(LockListReply))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(VerifyReply))]
[JsonSerializable(typeof(LeaseStateReply))]
[JsonSerializable(typeof(MultiAcquireRequest))]
[JsonSerializable(typeof(MultiLeaseReply))]
[JsonSerializable(typeof(LockEventReply))]
[JsonSerializable(typeof(IncrementRequest))]
[JsonSerializable(typeof(IncrementReply))]
[JsonSerializable(typeof(SetCounterRequest))]
[JsonSerializable(typeof(CounterReply))]
[JsonSerializable(typeof(CounterListReply))]
[JsonSerializable(typeof(EnqueueRequest))]
[JsonSerializable(typeof(EnqueueReply))]
[JsonSerializable(typeof(DequeueRequest))]
[JsonSerializable(typeof(DequeueReply))]
[JsonSerializable(typeof(AckRequest))]
[JsonSerializable(typeof(AckReply))]
[JsonSerializable(typeof(NackRequest))]
[JsonSerializable(typeof(NackReply))]
[JsonSerializable(typeof(ExtendRequest))]
[JsonSerializable(typeof(ExtendReply))]
[JsonSerializable(typeof(SetQueueRequest))]
[JsonSerializable(typeof(QueueReply))]
[JsonSerializable(typeof(QueueMessagesReply))]
[JsonSerializable(typeof(RedriveRequest))]
[JsonSerializable(typeof(RedriveReply))]
[JsonSerializable(typeof(StatusReply))]
[JsonSerializable(typeof(ProbeReply))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
public sealed partial class ContractJson : JsonSerializerContext
{
    /// <summary>How deeply objects and arrays may be nested.</summary>
    public const int MaxDepth = 64;

    /// <summary>
    /// The contract's JSON with texts written as they are. The default would write every letter beyond ASCII as an escape, to be safe
    /// inside HTML; these answers are never served as HTML.
    /// </summary>
    public static ContractJson Readable =>
        field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
