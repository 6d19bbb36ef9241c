using System.Diagnostics;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>Starts programs whose output is appended to a file, without a thread of ours in between.</summary>
internal static class LoggedProcess
{
    /// <summary>Starts a program; it ends when its standard input is closed, if it listens to that.</summary>
    /// <param name="log">The file.</param>
    /// <param name="variables">Variables of its environment.</param>
    /// <param name="words">The program and its arguments.</param>
    public static Process Start(
        string log, IEnumerable<KeyValuePair<string, string>> variables, IEnumerable<string> words)
    {
        // The shell becomes the program, so that the process is the one to strike.
        var start = new ProcessStartInfo("sh") { RedirectStandardInput = true };
        foreach (var word in new[] { "-c", "exec \"$@\" >>\"$0\" 2>&1", log }.Concat(words))
            start.ArgumentList.Add(word);
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
    }
}
