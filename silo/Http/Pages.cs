using System.Globalization;
using System.Text;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Silo.Membership;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Http;

/// <summary>What a silo serves over HTTP.</summary>
public static class Pages
{
    private static readonly TimeSpan RunsBound = TimeSpan.FromSeconds(5);

    /// <summary>Maps the pages: health, readiness, metrics and the list of runs.</summary>
    public static void Map(WebApplication application, SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(application);
        application.UseMiddleware<ApiKeyGate>(ApiKeyGate.KeyOf(settings));
        application.MapGet("/healthz", () => "alive\n");
        application.MapGet("/readyz", (SiloState state) => state.IsReady
            ? Results.Text("ready\n")
            : Results.Text("not in the cluster yet\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        application.UseWhen(
            context => context.Request.Path == "/metrics",
            branch => branch.Use((context, next) =>
                ExpiredSeries.Filter(context, next, context.RequestServices.GetRequiredService<RunSeries>())));
        application.MapPrometheusScrapingEndpoint("/metrics");
        application.MapGet("/", async (IGrainFactory grains) =>
        {
            var runs = await grains.Cluster().Runs().WaitAsync(RunsBound);
            return Results.Text(RunsPage(runs), "text/html; charset=utf-8");
        });
        application.MapGet("/runs/{name}", RunPage.Show);
    }

    /// <summary>The list of runs as a page.</summary>
    public static string RunsPage(IReadOnlyList<RunSummary> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var page = new StringBuilder(Html.Head("Runs"));
        if (runs.Count == 0)
            return page.Append("<p>There is no run yet.</p></body></html>\n").ToString();
        page.Append("<table><tr><th>run<th>status<th>step<th>loss<th>best validation<th>workers<th>model</tr>\n");
        foreach (var run in runs)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"<tr><td><a href=\"/runs/{run.Name}\">{run.Name}</a><td>{run.Status.Word()}"
                + $"<td>{run.Step} / {run.Steps}<td>{run.Loss:0.0000}<td>{run.BestValidationLoss:0.0000}"
                + $"<td>{run.WorkerCount}<td>{Html.Safe(run.Model)}</tr>\n");
        }

        return page.Append("</table></body></html>\n").ToString();
    }
}
