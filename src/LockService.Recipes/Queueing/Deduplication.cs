using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The keys that a queue remembers: <c>keys/&lt;shard&gt;/&lt;digest&gt;</c>, created in the unit that puts the message into the queue, with its id and
/// the end of the window. Of two messages with one key only one can be put into the queue, whoever sends them and when.
/// </summary>
internal static class Deduplication
{
    private const int DigestCharacters = 22;

    /// <summary>The node of a key; one of 256 shards keeps listings short.</summary>
    internal static (string Shard, string Path) PathOf(QueueTree tree, string key)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        string shard = $"{tree.Keys}/{digest[0]:x2}";
        return (shard, $"{shard}/{Base64Url.EncodeToString(digest)[..DigestCharacters]}");
    }

    internal static byte[] DataOf(string messageId, long expiresAt) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{expiresAt} {messageId}"));

    /// <summary>The message that has the key, and until when; null if the data is not ours.</summary>
    internal static (string MessageId, long ExpiresAt)? Parse(ReadOnlyMemory<byte> data)
    {
        string[] parts = Encoding.ASCII.GetString(data.Span).Split(' ');
        return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long expiresAt) ? (parts[1], expiresAt) : null;
    }

    /// <summary>Removes the keys of a queue whose windows are over.</summary>
    internal static async Task SweepAsync(QueueServices services, QueueTree tree, CancellationToken cancellation)
    {
        const int chunk = 100;
        NodeChildren? shards = await services.Store.ReadAsync((client, token) => client.GetChildrenAsync(tree.Keys, token), cancellation).ConfigureAwait(false);
        foreach (string shard in shards?.Names ?? [])
        {
            string parent = $"{tree.Keys}/{shard}";
            NodeChildren? keys = await services.Store.ReadAsync((client, token) => client.GetChildrenAsync(parent, token), cancellation).ConfigureAwait(false);
            foreach (string[] names in (keys?.Names ?? []).Chunk(chunk))
            {
                var batch = new ReadBatch();
                Array.ForEach(names, name => batch.GetData($"{parent}/{name}"));
                ReadBatchResult read = await services.Store.ReadAsync((client, token) => client.ReadAsync(batch, token), cancellation).ConfigureAwait(false);
                CommitUnit unit = tree.NewUnit();
                for (int i = 0; i < names.Length; i++)
                {
                    if (read.Data(i) is { } node && (Parse(node.Data) is not { } known || known.ExpiresAt <= services.Time.Now))
                    {
                        unit.Delete($"{parent}/{names[i]}", node.Stat.Version);
                    }
                }

                if (unit.Operations.Count > 1)
                {
                    // Refused if one of them was just used again: the next sweep looks anew.
                    await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
                }
            }
        }
    }
}
