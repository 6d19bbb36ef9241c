using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A real Prometheus scrapes two silos in a run; every panel of the dashboard has data.</summary>
public sealed class DashboardTests
{
    private const string Prometheus = "/usr/bin/prometheus";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Every_panel_has_data()
    {
        Assert.SkipUnless(File.Exists(Prometheus), "prometheus is not installed");
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        var model = SmallModel.Write(Path.Combine(folder.Path, "model"));
        using var run = ClientProcess.Start(
            folder, "train", Repository.Verses, "--cluster", first.Gateway, "--model", model, "--json", "--run",
            "panels", "--steps", "100000", "--batch-size", "1", "--micro-batches", "2", "--threads-per-worker", "1",
            "--val-every", "20", "--val-split", "0.01", "--save-every", "20", "--sample-every", "0");
        run.WaitFor("validation", _ => true);
        run.WaitFor("checkpoint", _ => true);

        var port = FreePort();
        using var prometheus = StartPrometheus(folder, port, first.Http, second.Http);
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
            var waiting = Queries().ToList();
            Assert.True(waiting.Count > 20, $"The dashboard has only {waiting.Count} queries.");
            var watch = Stopwatch.StartNew();
            while (waiting.Count > 0 && watch.Elapsed < Deadline)
            {
                for (var index = waiting.Count - 1; index >= 0; index--)
                {
                    if (await HasData(http, waiting[index]))
                        waiting.RemoveAt(index);
                }
            }

            Assert.Empty(waiting);
        }
        finally
        {
            prometheus.Kill();
            run.SendInterrupt();
            run.WaitForExit();
        }
    }

    private static IEnumerable<string> Queries()
    {
        var dashboard = JsonDocument.Parse(File.ReadAllText(
            Path.Combine(Repository.Root, "deploy", "grafana", "dashboards", "gpt2cluster.json")));
        return PanelsOf(dashboard.RootElement)
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select(target => target.GetProperty("expr").GetString()!)
            .Select(expression => expression
                .Replace("$__rate_interval", "20s", StringComparison.Ordinal)
                .Replace("$run", "panels", StringComparison.Ordinal));
    }

    private static IEnumerable<JsonElement> PanelsOf(JsonElement parent) =>
        parent.TryGetProperty("panels", out var panels)
            ? panels.EnumerateArray().SelectMany(panel => PanelsOf(panel).Prepend(panel))
            : [];

    private static async Task<bool> HasData(HttpClient http, string query)
    {
        try
        {
            var answer = await http.GetFromJsonAsync<JsonElement>($"api/v1/query?query={Uri.EscapeDataString(query)}");
            return answer.GetProperty("data").GetProperty("result").EnumerateArray().Any(IsFinite);
        }
        catch (HttpRequestException)
        {
            // Prometheus is still starting.
            return false;
        }
    }

    private static bool IsFinite(JsonElement series) => double.IsFinite(double.Parse(
        series.GetProperty("value")[1].GetString()!.Replace("Inf", "Infinity", StringComparison.Ordinal),
        CultureInfo.InvariantCulture));

    private static Process StartPrometheus(TestFolder folder, int port, params string[] silos)
    {
        var configuration = folder.File("prometheus.yml", $"""
            global:
              scrape_interval: 1s
            scrape_configs:
              - job_name: gpt2cluster
                static_configs:
                  - targets: [{string.Join(", ", silos.Select(silo => $"'{silo}'"))}]
            """);
        var start = new ProcessStartInfo(Prometheus) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add($"--config.file={configuration}");
        start.ArgumentList.Add($"--storage.tsdb.path={Path.Combine(folder.Path, "prometheus")}");
        start.ArgumentList.Add($"--web.listen-address=127.0.0.1:{port}");
        var process = Process.Start(start)!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
