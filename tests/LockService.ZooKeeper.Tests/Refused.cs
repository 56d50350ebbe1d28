using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Asserts what the server refuses.</summary>
internal static class Refused
{
    internal static async Task WithAsync(ErrorCode code, string path, Task request)
    {
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => request);
        Assert.Equal(code, refused.Code);
        Assert.Contains($"'{path}'", refused.Message, StringComparison.Ordinal);
    }
}
