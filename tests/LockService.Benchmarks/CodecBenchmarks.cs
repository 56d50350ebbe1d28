using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using LockService.ZooKeeper;
using LockService.ZooKeeper.Protocol;

namespace LockService.Benchmarks;

/// <summary>Encoding and decoding of the main messages, without a socket: time and allocated bytes of each.</summary>
public class CodecBenchmarks : IDisposable
{
    private const string Path = "/services/orders/locks/_c_0b6f1a52-4f2e-4d0b-8f0a-1c2d3e4f5a6b-__WRIT__0000000042";
    private static readonly byte[] s_data = new byte[100];
    private static readonly Chroot s_chroot = new("");
    private readonly JuteWriter _writer = new();
    private readonly MultiMessage _multi = new(s_chroot, [.. Enumerable.Range(0, 100).Select(_ => new TransactionPart.SetData(Path, s_data, -1))]);
    private readonly byte[] _stat = Reply(WriteStat);
    private readonly byte[] _nodeData = Reply(writer =>
    {
        writer.WriteBuffer(s_data);
        WriteStat(writer);
    });

    private readonly byte[] _created = Reply(writer =>
    {
        writer.WriteString(Path);
        WriteStat(writer);
    });

    private readonly byte[] _children = Reply(writer =>
    {
        writer.WriteStrings([.. Enumerable.Repeat(Path[^57..], 100)]);
        WriteStat(writer);
    });

    private readonly byte[] _multiReply = Reply(writer =>
    {
        for (int i = 0; i < 100; i++)
        {
            MultiHeader.Write(writer, OpCode.SetData);
            WriteStat(writer);
        }

        MultiHeader.WriteEnd(writer);
    });

    internal static int Run()
    {
        // In this process: the generated projects of the default toolchain would have to follow this repository's build rules.
        IConfig config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddExporter(MarkdownExporter.GitHub)
            .AddLogger(ConsoleLogger.Default)
            .WithArtifactsPath(Directory.CreateTempSubdirectory("lockservice-codec-").FullName);
        return BenchmarkRunner.Run<CodecBenchmarks>(config).HasCriticalValidationErrors ? 1 : 0;
    }

    public void Dispose() => _writer.Dispose();

    [Benchmark]
    public int EncodeExists() => Encode<ExistsMessage, Stat?>(new ExistsMessage(Path));

    [Benchmark]
    public Stat? DecodeExists() => Decode<ExistsMessage, Stat?>(new ExistsMessage(Path), _stat);

    [Benchmark]
    public int EncodeGetData() => Encode<GetDataMessage, NodeData?>(new GetDataMessage(Path));

    [Benchmark]
    public NodeData? DecodeGetData() => Decode<GetDataMessage, NodeData?>(new GetDataMessage(Path), _nodeData);

    [Benchmark]
    public int EncodeSetData() => Encode<SetDataMessage, Stat>(new SetDataMessage(Path, s_data, -1));

    [Benchmark]
    public Stat DecodeSetData() => Decode<SetDataMessage, Stat>(new SetDataMessage(Path, s_data, -1), _stat);

    [Benchmark]
    public int EncodeCreate() => Encode<CreateMessage, CreatedNode>(Creation());

    [Benchmark]
    public CreatedNode DecodeCreate() => Decode<CreateMessage, CreatedNode>(Creation(), _created);

    [Benchmark]
    public int EncodeGetChildren() => Encode<GetChildrenMessage, NodeChildren?>(new GetChildrenMessage(Path));

    [Benchmark]
    public NodeChildren? DecodeGetChildrenOf100() => Decode<GetChildrenMessage, NodeChildren?>(new GetChildrenMessage(Path), _children);

    [Benchmark]
    public int EncodeMultiOf100() => Encode<MultiMessage, TransactionResult>(_multi);

    [Benchmark]
    public TransactionResult DecodeMultiOf100() => Decode<MultiMessage, TransactionResult>(_multi, _multiReply);

    private static CreateMessage Creation() => new(s_chroot, Path, s_data, CreateMode.Persistent, Acl.Open, 0);

    private static TReply Decode<TMessage, TReply>(TMessage message, byte[] reply)
        where TMessage : struct, IMessage<TReply>
    {
        var reader = new JuteReader(reply);
        return message.ReadFrom(ref reader);
    }

    private static byte[] Reply(Action<JuteWriter> write)
    {
        using var writer = new JuteWriter();
        write(writer);
        return writer.Written.ToArray();
    }

    // Stat: long czxid, mzxid, ctime, mtime, int version, cversion, aversion, long ephemeralOwner, int dataLength, numChildren, long pzxid
    private static void WriteStat(JuteWriter writer)
    {
        for (int i = 0; i < 17; i++)
        {
            writer.WriteInt(i);
        }
    }

    private int Encode<TMessage, TReply>(TMessage message)
        where TMessage : struct, IMessage<TReply>
    {
        _writer.Clear();
        int frame = _writer.BeginFrame();
        message.WriteTo(_writer);
        return _writer.EndFrame(frame);
    }
}
