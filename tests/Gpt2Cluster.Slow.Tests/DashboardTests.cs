using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;
using Gpt2Cluster.Silo.Ports;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// A real Prometheus scrapes two silos in a run; every panel of the dashboard has data. Its promtool runs the tests of
/// the alerts.
/// </summary>
public sealed class DashboardTests
{
    private const string Prometheus = "/usr/bin/prometheus";
    private const string Promtool = "/usr/bin/promtool";
    private const string ScrapeInterval = "2s";

    // Grafana takes four scrapes or more; twice that, as scrapes are late on a machine whose cores are taken.
    private const string RateInterval = "16s";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(240);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromSeconds(1);

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

        using var claim = PortClaim.OfAnyFree(IPAddress.Loopback);
        using var prometheus = StartPrometheus(folder, claim.Port, first.Http, second.Http);
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{claim.Port}/") };
            var waiting = Queries().ToList();
            Assert.True(waiting.Count > 20, $"The dashboard has only {waiting.Count} queries.");
            var watch = Stopwatch.StartNew();
            using var timer = new PeriodicTimer(PollPeriod);
            while (waiting.Count > 0 && watch.Elapsed < Deadline && await timer.WaitForNextTickAsync())
            {
                for (var index = waiting.Count - 1; index >= 0; index--)
                {
                    if (await HasData(http, waiting[index]))
                        waiting.RemoveAt(index);
                }
            }

            Assert.True(
                waiting.Count == 0,
                $"No data after {watch.Elapsed} for:\n{string.Join('\n', waiting)}\n{await Targets(http)}");
        }
        finally
        {
            prometheus.Kill();
            prometheus.WaitForExit();
            run.SendInterrupt();
            run.WaitForExit();
        }
    }

    [Theory]
    [InlineData("test", "rules", "rules.test.yml")]
    [InlineData("check", "config", "prometheus.yml")]
    [InlineData("check", "rules", "rules.yml")]
    public async Task Promtool_accepts_the_alerts_and_their_tests(string verb, string what, string file)
    {
        Assert.SkipUnless(File.Exists(Promtool), "promtool is not installed");
        var path = Path.Combine(Repository.Root, "deploy", "prometheus", file);
        var start = new ProcessStartInfo(Promtool, [verb, what, path])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var promtool = Process.Start(start)!;
        var output = promtool.StandardOutput.ReadToEndAsync();
        var errors = promtool.StandardError.ReadToEndAsync();
        using var bound = new CancellationTokenSource(Deadline);
        await promtool.WaitForExitAsync(bound.Token);
        Assert.True(promtool.ExitCode == 0, $"{await output}\n{await errors}");
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
                .Replace("$__rate_interval", RateInterval, StringComparison.Ordinal)
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

    /// <summary>How the scrapes went, for messages.</summary>
    private static Task<string> Targets(HttpClient http) => http.GetStringAsync("api/v1/targets?state=active");

    private static bool IsFinite(JsonElement series) => double.IsFinite(double.Parse(
        series.GetProperty("value")[1].GetString()!.Replace("Inf", "Infinity", StringComparison.Ordinal),
        CultureInfo.InvariantCulture));

    private static Process StartPrometheus(TestFolder folder, int port, params string[] silos)
    {
        var configuration = folder.File("prometheus.yml", $"""
            global:
              scrape_interval: {ScrapeInterval}
              scrape_timeout: {ScrapeInterval}
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
}
