using System.Net;
using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Http;

/// <summary>
/// Lets requests from other machines pass to health, readiness and metrics only, unless they show the API key.
/// </summary>
/// <param name="next">What comes behind.</param>
/// <param name="key">The key; empty when none was given, then nothing else is served beyond loopback.</param>
public sealed class ApiKeyGate(RequestDelegate next, ApiKey key)
{
    private const string Bearer = "Bearer ";
    private const string Basic = "Basic ";
    private static readonly string[] Open = ["/healthz", "/readyz", "/metrics"];

    /// <summary>The key in the file that the settings name.</summary>
    public static ApiKey KeyOf(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new ApiKey(settings.ApiKeyFile is { } file ? File.ReadAllText(file).Trim() : "");
    }

    /// <summary>Passes a request on or refuses it with 401.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (Passes(context.Request.Path, context.Connection.RemoteIpAddress, context.Request.Headers.Authorization))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        context.Response.Headers.WWWAuthenticate = "Basic realm=\"Gpt2Cluster\"";
        return context.Response.WriteAsync(
            "This page asks for the API key: Authorization: Bearer KEY, or any user name with the key as password.\n");
    }

    /// <summary>Whether a request may pass.</summary>
    public bool Passes(PathString path, IPAddress? from, string? authorization) =>
        Open.Contains(path.Value, StringComparer.Ordinal)
        || (from is not null && IPAddress.IsLoopback(from))
        || (authorization is not null && key.Equals(KeyIn(authorization)));

    /// <summary>A program sends the key as it is; a browser asks for a user name and a password.</summary>
    private static string KeyIn(string authorization)
    {
        if (authorization.StartsWith(Bearer, StringComparison.Ordinal))
            return authorization[Bearer.Length..];
        if (!authorization.StartsWith(Basic, StringComparison.Ordinal))
            return "";
        var bytes = new byte[authorization.Length];
        return Convert.TryFromBase64String(authorization[Basic.Length..], bytes, out var length)
            ? Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2)[^1]
            : "";
    }
}

/// <summary>A secret that is compared in constant time.</summary>
/// <param name="text">The secret; empty for none, which equals nothing.</param>
public sealed class ApiKey(string text)
{
    private readonly byte[] bytes = Encoding.UTF8.GetBytes(text);

    /// <summary>Whether somebody knows the secret.</summary>
    public bool Equals(string other) =>
        bytes.Length > 0 && CryptographicOperations.FixedTimeEquals(bytes, Encoding.UTF8.GetBytes(other));
}
