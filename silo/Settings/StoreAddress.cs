using System.Globalization;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Silo.Settings;

/// <summary>Where the cluster's store is: in this silo, or at an address.</summary>
/// <param name="IsEmbedded">Whether this silo hosts it.</param>
/// <param name="Host">Host name or address of a store elsewhere; empty for an embedded one.</param>
/// <param name="Port">Its port; 0 lets an embedded store take any free one.</param>
/// <param name="Password">The password written in the address; null for none.</param>
public sealed record StoreAddress(bool IsEmbedded, string Host, int Port, string? Password)
{
    /// <summary>Port of an embedded store that names none.</summary>
    public const int DefaultPort = 6390;

    private const string Embedded = "embedded";

    /// <summary>Reads <c>embedded</c>, <c>embedded:PORT</c> or <c>[:PASSWORD@]HOST:PORT</c>.</summary>
    /// <exception cref="UserErrorException">It is none of these.</exception>
    public static StoreAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == Embedded)
            return new StoreAddress(true, "", DefaultPort, null);
        if (text.StartsWith(Embedded + ":", StringComparison.Ordinal))
            return new StoreAddress(true, "", PortOf(text[(Embedded.Length + 1)..], text, lowest: 0), null);
        var at = text.LastIndexOf('@');
        var (secret, address) = at < 0 ? ("", text) : (text[..at], text[(at + 1)..]);
        var colon = address.LastIndexOf(':');
        if (colon < 1 || (at >= 0 && (secret.Length < 2 || secret[0] != ':')))
            throw Unreadable(text);
        var port = PortOf(address[(colon + 1)..], text, lowest: 1);
        return new StoreAddress(false, address[..colon], port, at < 0 ? null : secret[1..]);
    }

    /// <summary>The address without its password, as logs may show it.</summary>
    public override string ToString() => IsEmbedded ? $"{Embedded}:{Port}" : $"{Host}:{Port}";

    private static int PortOf(string digits, string text, int lowest) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port >= lowest && port <= ushort.MaxValue
            ? port
            : throw Unreadable(text);

    private static UserErrorException Unreadable(string text)
    {
        var shown = text.Contains('@', StringComparison.Ordinal) ? "the address given" : $"'{text}'";
        return new UserErrorException(
            $"--redis must be embedded, embedded:PORT or [:PASSWORD@]HOST:PORT, and {shown} is none of these.");
    }
}
