using System.Diagnostics;
using System.Reflection;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.LocalCluster;

/// <summary>How a program of ours is started as a process of its own, all three of its streams being pipes.</summary>
/// <param name="FileName">The executable.</param>
/// <param name="Arguments">What comes before the program's own arguments.</param>
public sealed record ProgramStart(string FileName, IReadOnlyList<string> Arguments)
{
    private const string SiloVariable = "GPT2CLUSTER_SILO";
    private const string SiloLibrary = "Gpt2Cluster.Silo.dll";

    /// <summary>The program that runs in this process.</summary>
    /// <param name="program">Its assembly, for a process that is .NET's own host.</param>
    public static ProgramStart Of(Assembly program)
    {
        ArgumentNullException.ThrowIfNull(program);
        var self = Environment.ProcessPath ?? "dotnet";
        return IsHost(self) ? OfLibrary(program.Location) : new ProgramStart(self, []);
    }

    /// <summary>The silo: where the environment says, beside the client, or in the repository's layout.</summary>
    /// <exception cref="UserErrorException">It is nowhere.</exception>
    internal static ProgramStart Silo()
    {
        if (Environment.GetEnvironmentVariable(SiloVariable) is { Length: > 0 } named)
        {
            return File.Exists(named)
                ? Of(named)
                : throw new UserErrorException($"{SiloVariable} names '{named}', which is not there.");
        }

        return SiloPlaces().FirstOrDefault(File.Exists) is { } place
            ? Of(place)
            : throw new UserErrorException(
                $"The silo's program is not there ({SiloPlaces().First()}); build it with "
                + $"'dotnet build -c Release silo' or name it in {SiloVariable}.");
    }

    /// <summary>Starts it.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="workingFolder">Where it starts.</param>
    /// <param name="standards">Variables of its environment, where the user's own does not set them.</param>
    internal Process Start(
        IEnumerable<string> arguments, string workingFolder, IReadOnlyDictionary<string, string>? standards = null)
    {
        var start = new ProcessStartInfo(FileName)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingFolder,
        };
        foreach (var argument in Arguments.Concat(arguments))
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in standards ?? new Dictionary<string, string>())
            start.Environment.TryAdd(name, value);
        return Process.Start(start) ?? throw new InvalidOperationException($"'{FileName}' was not started.");
    }

    private static ProgramStart Of(string path) =>
        path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? OfLibrary(path) : new ProgramStart(path, []);

    private static ProgramStart OfLibrary(string path) => new(DotnetHost(), [path]);

    private static string DotnetHost() =>
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host && File.Exists(host) ? host
        : Environment.ProcessPath is { } self && IsHost(self) ? self
        : "dotnet";

    private static bool IsHost(string path) =>
        string.Equals(Path.GetFileNameWithoutExtension(path), "dotnet", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Beside the client, in a folder beside it, and <c>silo/bin/Release/net10.0</c> for
    /// <c>client/bin/Release/net10.0</c>.
    /// </summary>
    private static IEnumerable<string> SiloPlaces()
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var framework = Path.GetFileName(here);
        var configuration = Path.GetFileName(Path.GetDirectoryName(here)) ?? "Release";
        yield return Path.GetFullPath(
            Path.Combine(here, "..", "..", "..", "..", "silo", "bin", configuration, framework, SiloLibrary));
        yield return Path.Combine(here, SiloLibrary);
        yield return Path.GetFullPath(Path.Combine(here, "..", "silo", SiloLibrary));
    }
}
