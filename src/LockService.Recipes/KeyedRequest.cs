using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace LockService.Recipes;

/// <summary>
/// A request that its sender may repeat under a key of his own: what was done for it once is not done again, but answered again. Holds for
/// <see cref="CoordinationOptions.IdempotencyRetention"/> at least, on all instances.
/// </summary>
public sealed class KeyedRequest
{
    /// <summary>132 bits of the digest in 22 characters of base64url: nobody finds two requests that share them.</summary>
    private const int DigestCharacters = 22;

    private const int ShardCharacters = 3;

    private readonly byte[] _fingerprint;

    /// <param name="scope">What the key is about: who asks for what to be done with which resource. Keys of different scopes never meet.</param>
    /// <param name="key">The sender's key.</param>
    /// <param name="fingerprint">
    /// A digest of everything else that was asked, so that a key that is used for another request is found out. 32 bytes.
    /// </param>
    public KeyedRequest(string scope, string key, ReadOnlySpan<byte> fingerprint)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfNotEqual(fingerprint.Length, SHA256.HashSizeInBytes);
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes($"{scope}\0{key}"));
        Digest = Base64Url.EncodeToString(digest)[..DigestCharacters];
        Shard = Convert.ToHexStringLower(digest)[..ShardCharacters];
        _fingerprint = fingerprint.ToArray();
    }

    /// <summary>Whether the answer is that of an earlier request. Set before the answer is returned.</summary>
    public bool Replayed { get; internal set; }

    /// <summary>What identifies scope and key.</summary>
    internal string Digest { get; }

    /// <summary>One of 4,096 groups of keys.</summary>
    internal string Shard { get; }

    internal ReadOnlySpan<byte> Fingerprint => _fingerprint;
}
