using System.Globalization;
using System.Text;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Silo.Http;

/// <summary>The page of one run: how far it is, its checkpoints, its newest samples.</summary>
public static class RunPage
{
    /// <summary>Samples shown, the newest.</summary>
    private const int SampleCount = 3;

    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(5);

    /// <summary>Answers a request for it; 404 when there is no such run.</summary>
    public static async Task<IResult> Show(string name, IGrainFactory grains)
    {
        ArgumentNullException.ThrowIfNull(grains);

        // Asking a run for itself would bring a coordinator to life for whatever name is asked for, and keep it.
        var runs = await grains.Cluster().Runs().WaitAsync(AnswerBound);
        if (runs.FirstOrDefault(known => known.Name.ToString() == name) is not { } listed)
            return Results.NotFound();
        var run = grains.Run(listed.Name);
        if (await run.Describe().WaitAsync(AnswerBound) is not { } description)
            return Results.NotFound();
        var samples = new List<SampleEvent>();
        foreach (var line in await run.Samples(SampleCount).WaitAsync(AnswerBound))
        {
            if (RunEventJson.TryRead(line, out var runEvent) && runEvent is SampleEvent sample)
                samples.Add(sample);
        }

        return Results.Text(Write(description, samples), "text/html; charset=utf-8");
    }

    /// <summary>The page.</summary>
    public static string Write(RunDescription run, IReadOnlyList<SampleEvent> samples)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(samples);
        var summary = run.Summary;
        var page = new StringBuilder(Html.Head(summary.Name.ToString()));
        page.Append(
            CultureInfo.InvariantCulture,
            $"<table><tr><th>status<td>{summary.Status.Word()}</tr>"
            + $"<tr><th>step<td>{summary.Step} / {summary.Steps}</tr><tr><th>loss<td>{summary.Loss:0.0000}</tr>"
            + $"<tr><th>best validation<td>{summary.BestValidationLoss:0.0000}</tr>"
            + $"<tr><th>workers<td>{Html.Safe(string.Join(", ", run.Workers))}</tr>"
            + $"<tr><th>devices<td>{Html.Safe($"{run.Summary.Device} {run.Summary.DeviceClass}")}</tr>"
            + $"<tr><th>model<td>{Html.Safe(summary.Model)}</tr>");
        if (run.Record.Remark is { } remark)
            page.Append(CultureInfo.InvariantCulture, $"<tr><th>remark<td>{Html.Safe(remark)}</tr>");
        page.Append("</table>\n");
        if (run.Record.Checkpoints.Count > 0)
            page.Append("<h2>Checkpoints</h2>\n<table><tr><th>step<th>state<th>validation<th></tr>\n");
        foreach (var entry in run.Record.Checkpoints.Reverse())
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"<tr><td>{entry.Step}<td>{Html.Safe(entry.StateHash)}<td>{entry.ValidationLoss:0.0000}"
                + $"<td>{(run.Record.IsBest(entry) ? "best" : "")}</tr>\n");
        }

        page.Append(run.Record.Checkpoints.Count > 0 ? "</table>\n" : "");
        foreach (var sample in samples.Reverse())
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"<h2>Sample {sample.Index} after step {sample.Step}</h2>\n<pre>{Html.Safe(sample.Text)}</pre>\n");
        }

        return page.Append("</body></html>\n").ToString();
    }
}
