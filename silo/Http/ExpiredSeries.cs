using System.Text;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Metrics;

namespace Gpt2Cluster.Silo.Http;

/// <summary>
/// Leaves the series of runs that are long over out of <c>/metrics</c>: OpenTelemetry's cumulative reader shows every
/// label it has ever seen until the process ends.
/// </summary>
public static partial class ExpiredSeries
{
    /// <summary>Copies a scrape without the lines of runs that are over.</summary>
    public static async Task Filter(HttpContext context, RequestDelegate next, RunSeries series)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);

        // The lines are read here, so they must not come compressed.
        context.Request.Headers.AcceptEncoding = default;
        var body = context.Response.Body;
        using var scrape = new MemoryStream();
        context.Response.Body = scrape;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = body;
        }

        var text = Without(Encoding.UTF8.GetString(scrape.GetBuffer(), 0, (int)scrape.Length), series);
        context.Response.ContentLength = null;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>The scrape without the lines whose <c>run</c> label names a run that is over.</summary>
    public static string Without(string scrape, RunSeries series)
    {
        ArgumentNullException.ThrowIfNull(scrape);
        ArgumentNullException.ThrowIfNull(series);
        var kept = new StringBuilder(scrape.Length);
        foreach (var line in scrape.AsSpan().EnumerateLines())
        {
            if (line.IsEmpty)
                continue;
            var text = line.ToString();
            if (RunLabel().Match(text) is { Success: true, Groups: [_, { Value: var run }] }
                && RunName.Error(run) is null && series.IsOver(RunName.Parse(run)))
                continue;
            kept.Append(text).Append('\n');
        }

        return kept.ToString();
    }

    [GeneratedRegex("[{,]run=\"([^\"]*)\"")]
    private static partial Regex RunLabel();
}
