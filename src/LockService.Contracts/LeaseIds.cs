namespace LockService.Contracts;

/// <summary>What is known of lease ids without asking anybody.</summary>
public static class LeaseIds
{
    /// <summary>No lease id is longer; longer ones are refused as malformed rather than looked for.</summary>
    public const int MaxLength = 512;

    /// <summary>No control characters.</summary>
    public const string Pattern = @"^[^\u0000-\u001F\u007F-\u009F]+$";
}
