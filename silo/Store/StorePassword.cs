using System.Security.Cryptography;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Store;

/// <summary>The store's password: made by the silo that hosts it, named to the others.</summary>
public static class StorePassword
{
    private const int SecretBytes = 24;

    /// <summary>The file in the data folder in which the hosting silo keeps the password.</summary>
    public static string FileIn(string dataFolder) => Path.Combine(dataFolder, "store-password");

    /// <summary>
    /// The password to use: the one in <c>--redis-password-file</c> or in the address; for an embedded store beyond
    /// loopback the one in the data folder, which is made if it is not there; null for none.
    /// </summary>
    public static string? Of(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.StorePasswordFile is { } file)
            return File.ReadAllText(file).Trim();
        if (!settings.Store.IsEmbedded)
            return settings.Store.Password;
        return settings.IsBeyondLoopback ? FromDataFolder(FileIn(settings.DataFolder)) : null;
    }

    private static string FromDataFolder(string file)
    {
        if (File.Exists(file))
            return File.ReadAllText(file).Trim();
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(file, options);
        writer.Write(password);
        return password;
    }
}
