using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Exchange.Benchmarks;

/// <summary>
/// The process the user starts: starts the participants, tells them of each other, prints what they measured.
/// </summary>
internal static class Conductor
{
    /// <summary>Runs the benchmark; 0 if every participant ended well.</summary>
    public static int Run(BenchmarkSettings settings, string[] arguments)
    {
        var processes = Enumerable.Range(0, settings.Silos).Select(silo => Start(arguments, silo)).ToList();
        try
        {
            var ports = string.Join(' ', processes.Select(process => process.StandardOutput.ReadLine()));
            foreach (var process in processes)
                process.StandardInput.WriteLine(ports);
            var results = processes.Select(process => process.StandardOutput.ReadLine()).ToList();
            foreach (var process in processes)
                process.WaitForExit();
            return Print(settings, results);
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited)
                    process.Kill();
                process.Dispose();
            }
        }
    }

    private static Process Start(string[] arguments, int silo)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.ArgumentList.Add("--participant");
        start.ArgumentList.Add(silo.ToString(CultureInfo.InvariantCulture));
        return Process.Start(start)!;
    }

    private static int Print(BenchmarkSettings settings, List<string?> results)
    {
        if (results.Any(string.IsNullOrEmpty))
        {
            Console.Error.WriteLine("A participant ended without a result.");
            return 1;
        }

        for (var silo = 0; silo < results.Count; silo++)
            Console.WriteLine($"silo-{silo} rounds {string.Join(' ', results[silo]!.Split(' ')[1..])}");
        var seconds = double.Parse(results[0]!.Split(' ')[0], CultureInfo.InvariantCulture);
        var rate = settings.Floats * sizeof(float) / seconds / 1e9;
        var what = $"stripes silos {settings.Silos} floats {settings.Floats}";
        var figures = string.Create(
            CultureInfo.InvariantCulture, $"seconds {seconds:F4} gigabytes_per_second {rate:F3}");
        Console.WriteLine($"{what} {figures}");
        return 0;
    }
}
