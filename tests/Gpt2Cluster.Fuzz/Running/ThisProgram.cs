using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>How this program starts itself again.</summary>
internal static class ThisProgram
{
    /// <summary>A process of it whose objects may take so much memory.</summary>
    public static ProcessStartInfo Start(IEnumerable<string> arguments, long heapBytes)
    {
        var self = Environment.ProcessPath ?? "dotnet";
        var isHost = Path.GetFileNameWithoutExtension(self) == "dotnet";
        var information = new ProcessStartInfo(
            self, isHost ? [typeof(ThisProgram).Assembly.Location, .. arguments] : arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        information.Environment["DOTNET_GCHeapHardLimit"] = heapBytes.ToString("X", CultureInfo.InvariantCulture);
        return information;
    }

    /// <summary>The folder of the repository's fuzzing, or where the program lies if there is none.</summary>
    public static string SourceFolder
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Gpt2Cluster.sln")))
                folder = folder.Parent;
            return folder is null
                ? AppContext.BaseDirectory
                : Path.Combine(folder.FullName, "tests", "Gpt2Cluster.Fuzz");
        }
    }
}
