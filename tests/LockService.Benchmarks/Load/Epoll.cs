using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace LockService.Benchmarks.Load;

/// <summary>
/// Linux' epoll, called directly: one thread serves all connections without a task or a continuation per answer, so that the load leaves
/// the machine to those whom it measures.
/// </summary>
internal sealed partial class Epoll : IDisposable
{
    private const int Add = 1;
    private const uint Readable = 1;
    private const int MaxEvents = 256;
    private const int Interrupted = 4;

    /// <summary>The kernel's struct is packed on x64 only: 4 bytes of events, then 8 of data.</summary>
    private static readonly int s_dataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private static readonly int s_eventSize = s_dataOffset + 8;

    private readonly int _handle = Check(Create(0));
    private readonly byte[] _events = new byte[MaxEvents * s_eventSize];

    /// <summary>Reports the socket by this number whenever it can be read.</summary>
    internal void Watch(Socket socket, int number)
    {
        byte[] item = new byte[s_eventSize];
        MemoryMarshal.Write(item, Readable);
        MemoryMarshal.Write(item.AsSpan(s_dataOffset), (long)number);
        _ = Check(Control(_handle, Add, (int)socket.Handle, item));
    }

    /// <summary>Waits until something can be read, or for the time.</summary>
    /// <returns>How many sockets; <see cref="Number"/> tells which.</returns>
    internal int Wait(int milliseconds)
    {
        int count = Wait(_handle, _events, MaxEvents, milliseconds);
        return count < 0 && Marshal.GetLastPInvokeError() == Interrupted ? 0 : Check(count);
    }

    internal int Number(int index) => (int)MemoryMarshal.Read<long>(_events.AsSpan((index * s_eventSize) + s_dataOffset));

    public void Dispose() => _ = Close(_handle);

    private static int Check(int result) =>
        result >= 0 ? result : throw new InvalidOperationException($"epoll: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int handle, int operation, int socket, byte[] item);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(int handle, byte[] events, int maxEvents, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
