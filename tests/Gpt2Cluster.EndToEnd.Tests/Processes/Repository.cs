namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>The repository's root, found from the test's own place, and what was built in it.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Verses { get; } = Path.Combine(Root, "deploy", "quickstart", "verses.txt");

    public static string ClientDll { get; } = Built("client", "Gpt2Cluster.Client.dll");

    public static string SiloDll { get; } = Built("silo", "Gpt2Cluster.Silo.dll");

    private static string Built(string project, string file)
    {
        var isDebug = AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar).Contains("Debug");
        var configuration = isDebug ? "Debug" : "Release";
        return Path.Combine(Root, project, "bin", configuration, "net10.0", file);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Gpt2Cluster.sln")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new DirectoryNotFoundException($"No Gpt2Cluster.sln above {AppContext.BaseDirectory}.");
    }

    /// <summary>The processes of a test live for seconds: no profile pays for its making.</summary>
    [System.Runtime.CompilerServices.ModuleInitializer]
    internal static void StartWithoutProfiles() => Environment.SetEnvironmentVariable("DOTNET_TieredPGO", "0");
}
