using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>How this program starts itself again.</summary>
internal static class ThisProgram
{
    /// <summary>A process of it whose objects may take so much memory.</summary>
    public static ProcessStartInfo Start(IEnumerable<string> arguments, long heapBytes)
    {
        // By its library: the tests of this program are another one.
        var information = new ProcessStartInfo("dotnet", [typeof(ThisProgram).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        information.Environment["DOTNET_GCHeapHardLimit"] = heapBytes.ToString("X", CultureInfo.InvariantCulture);
        return information;
    }
}
