using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace LockService.ZooKeeper.Protocol;

/// <summary>
/// The client's side of SASL DIGEST-MD5 (RFC 2831) as ZooKeeper uses it: algorithm md5-sess, quality of protection auth, and realm, host
/// and service by the same fixed names everywhere. Both sides prove that they know the password; neither sends it.
/// </summary>
internal sealed class DigestMd5
{
    private const string Uri = "zookeeper/zk-sasl-md5";
    private readonly UserPassword _user;
    private readonly string _realm;
    private readonly string _nonce;
    private readonly string _clientNonce;

    /// <param name="user">Who logs in.</param>
    /// <param name="challenge">The server's first token: <c>realm="zk-sasl-md5",nonce="...",charset=utf-8,algorithm=md5-sess</c>.</param>
    /// <param name="clientNonce">Never to be used twice.</param>
    /// <exception cref="ProtocolException">The challenge asks for something else.</exception>
    internal DigestMd5(UserPassword user, ReadOnlySpan<byte> challenge, string clientNonce)
    {
        Dictionary<string, string> directives = Parse(Encoding.UTF8.GetString(challenge));
        bool protectionFits = !directives.TryGetValue("qop", out string? offered) || offered.Split(',', StringSplitOptions.TrimEntries).Contains("auth");
        if (!protectionFits || directives.GetValueOrDefault("algorithm") != "md5-sess" || !directives.TryGetValue("nonce", out string? nonce))
        {
            throw new ProtocolException("a SASL challenge that is not DIGEST-MD5 with md5-sess and auth");
        }

        _user = user;
        _realm = directives.GetValueOrDefault("realm", "");
        _nonce = nonce;
        _clientNonce = clientNonce;
    }

    internal static string NewNonce() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The client's second token.</summary>
    internal byte[] Response() => Encoding.ASCII.GetBytes(
        $"charset=utf-8,username=\"{Quoted(_user.User)}\",realm=\"{Quoted(_realm)}\",nonce=\"{Quoted(_nonce)}\",nc=00000001,"
        + $"cnonce=\"{_clientNonce}\",digest-uri=\"{Uri}\",maxbuf=65536,response={Proof("AUTHENTICATE:" + Uri)},qop=auth");

    /// <summary>Whether the server's second token, <c>rspauth=...</c>, proves that it knows the password.</summary>
    internal bool IsProof(ReadOnlySpan<byte> token)
    {
        byte[] expected = Encoding.ASCII.GetBytes($"rspauth={Proof(":" + Uri)}");
        return CryptographicOperations.FixedTimeEquals(expected, token);
    }

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "The mechanism demands it; TLS protects it.")]
    private static byte[] Hash(ReadOnlySpan<byte> bytes) => MD5.HashData(bytes);

    private static string HexHash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(Hash(bytes));

    private static string HexHash(string text) => HexHash(Encoding.UTF8.GetBytes(text));

    private static string Quoted(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    /// <summary>The proof over one direction's text (A2): section 2.1.2.1 of the RFC.</summary>
    private string Proof(string direction)
    {
        byte[] secret = Hash(Encoding.UTF8.GetBytes($"{_user.User}:{_realm}:{_user.Password}"));
        byte[] session = [.. secret, .. Encoding.UTF8.GetBytes($":{_nonce}:{_clientNonce}")];
        return HexHash($"{HexHash(session)}:{_nonce}:00000001:{_clientNonce}:auth:{HexHash(direction)}");
    }

    /// <summary>Reads <c>name=value</c> and <c>name="value"</c>, separated by commas; a backslash quotes the next character.</summary>
    private static Dictionary<string, string> Parse(string text)
    {
        var directives = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (int at = 0; at < text.Length; at++)
        {
            int equals = text.IndexOf('=', at);
            if (equals < 0)
            {
                throw new ProtocolException("a SASL challenge that cannot be read");
            }

            string name = text[at..equals].Trim(' ', ',');
            var value = new StringBuilder();
            bool quoted = false;
            for (at = equals + 1; at < text.Length && (quoted || text[at] != ','); at++)
            {
                if (text[at] == '"')
                {
                    quoted = !quoted;
                }
                else
                {
                    at += quoted && text[at] == '\\' && at + 1 < text.Length ? 1 : 0;
                    value.Append(text[at]);
                }
            }

            directives.TryAdd(name, value.ToString());
        }

        return directives;
    }
}
