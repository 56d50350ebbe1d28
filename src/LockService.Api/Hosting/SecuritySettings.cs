using LockService.ZooKeeper;

namespace LockService.Api.Hosting;

/// <summary>Reads how the service meets ZooKeeper: encrypted or not, and as whom. Passwords appear in no message.</summary>
/// <param name="text">The text of a setting; null if it is not set.</param>
/// <param name="addMistake">Takes the setting and what is wrong with it.</param>
internal sealed class SecuritySettings(Func<string, string?> text, Action<string, string> addMistake)
{
    private const string Tls = "ZooKeeperTls";
    private const string AuthorityFile = "ZooKeeperAuthorityFile";
    private const string CertificateFile = "ZooKeeperCertificateFile";
    private const string KeyFile = "ZooKeeperKeyFile";
    private const string CertificateName = "ZooKeeperCertificateName";
    private const string PasswordsInClear = "ZooKeeperPasswordsInClear";

    /// <returns>Null without TLS.</returns>
    internal TlsOptions? ReadTls()
    {
        var options = new TlsOptions
        {
            AuthorityFile = text(AuthorityFile),
            ClientCertificateFile = text(CertificateFile),
            ClientKeyFile = text(KeyFile),
            ServerName = text(CertificateName),
        };
        if (!ReadSwitch(Tls))
        {
            string[] useless = [AuthorityFile, CertificateFile, KeyFile, CertificateName];
            Array.ForEach(useless, key => Report(text(key) is null, key, $"it is of no use without {Tls}=true."));
            return null;
        }

        bool keyAlone = options.ClientKeyFile is not null && options.ClientCertificateFile is null;
        Report(!keyAlone, KeyFile, $"it is of no use without {CertificateFile}.");
        Report(
            options.ServerName is not { } name || Uri.CheckHostName(name) != UriHostNameType.Unknown, CertificateName, $"'{options.ServerName}' is not a host name.");
        Check(AuthorityFile, new TlsOptions { AuthorityFile = options.AuthorityFile });
        Check(CertificateFile, new TlsOptions { ClientCertificateFile = options.ClientCertificateFile, ClientKeyFile = options.ClientKeyFile });
        return options;
    }

    internal CredentialOptions ReadCredentials(bool encrypted)
    {
        UserPassword? digest = ReadUser("ZooKeeperDigest");
        UserPassword? sasl = ReadUser("ZooKeeperSasl");
        bool inClear = ReadSwitch(PasswordsInClear);
        bool revealed = (digest ?? sasl) is not null && !encrypted && !inClear;
        Report(!revealed, PasswordsInClear, $"passwords are not sent without {Tls}=true, unless this is true because nobody else can listen.");
        return new CredentialOptions { Digest = digest is null ? [] : [digest], Sasl = sasl, AllowPasswordsWithoutTls = inClear };
    }

    private UserPassword? ReadUser(string prefix)
    {
        string userKey = $"{prefix}User";
        string passwordKey = $"{prefix}Password";
        string fileKey = $"{prefix}PasswordFile";
        string? user = text(userKey);
        string? password = text(passwordKey);
        string? file = text(fileKey);
        if (user is null)
        {
            Report(password is null && file is null, userKey, $"it is missing, but {(file is null ? passwordKey : fileKey)} is there.");
            return null;
        }

        if ((password is null) == (file is null))
        {
            addMistake(userKey, $"it needs {fileKey}, or {passwordKey} in the environment, and not both.");
            return null;
        }

        try
        {
            return new UserPassword(user, password ?? File.ReadAllText(file!).TrimEnd('\r', '\n'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            addMistake(fileKey, e.Message);
        }
        catch (ArgumentException e)
        {
            bool isUser = e.ParamName == "user";
            addMistake(
                isUser ? userKey : file is null ? passwordKey : fileKey,
                isUser ? $"'{user}' is not printable ASCII without a colon." : "the password is not printable ASCII, or is empty.");
        }

        return null;
    }

    private bool ReadSwitch(string key)
    {
        bool value = false;
        Report(text(key) is not { } given || bool.TryParse(given, out value), key, $"'{text(key)}' is neither true nor false.");
        return value;
    }

    private void Check(string key, TlsOptions part)
    {
        try
        {
            part.CheckFiles();
        }
        catch (IOException e)
        {
            addMistake(key, e.Message);
        }
    }

    private void Report(bool isRight, string key, string mistake)
    {
        if (!isRight)
        {
            addMistake(key, mistake);
        }
    }
}
