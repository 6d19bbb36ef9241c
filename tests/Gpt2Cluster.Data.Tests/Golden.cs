using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Gpt2Cluster.Data.Tests;

/// <summary>The files under Goldens: numbers that other programs computed.</summary>
internal static class Golden
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Goldens", name);

    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllBytes(Path(name))).RootElement;

    public static string Hash(IEnumerable<int> tokens)
    {
        var shorts = tokens.Select(token => checked((ushort)token)).ToArray();
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(shorts.AsSpan())));
    }
}
