using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts.Runs.Events;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Gpt2Cluster.Client.Watching;

/// <summary>
/// A live picture for a terminal: progress with the time to go, the loss and its course, the last sample.
/// </summary>
/// <param name="run">The run's name.</param>
/// <param name="steps">Steps in all; 0 while unknown.</param>
internal sealed class LiveRunView(string run, long steps) : IRunView
{
    /// <summary>Notes shown at most.</summary>
    private const int NoteCount = 4;

    /// <summary>Lines of the last sample shown at most, so that the picture fits a screen.</summary>
    private const int SampleLines = 12;

    private const int BarWidth = 48;

    private readonly RunProgress progress = new(steps);
    private readonly Queue<string> notes = new();
    private readonly Lock gate = new();
    private string title = run;

    /// <summary>Raised when the picture is another.</summary>
    public event Action? Changed;

    /// <inheritdoc/>
    public void Show(string line, RunEvent? runEvent)
    {
        if (runEvent is null)
            return;
        lock (gate)
        {
            progress.Take(runEvent);
            if (runEvent is SubmittedEvent submitted)
                title = EventLines.Of(submitted, progress.Steps);
            else if (runEvent is CheckpointEvent or MembershipEvent or WarningEvent or ValidationEvent)
                AddNote(EventLines.Of(runEvent, progress.Steps));
        }

        Changed?.Invoke();
    }

    /// <inheritdoc/>
    public void Note(string sentence)
    {
        lock (gate)
            AddNote(sentence);
        Changed?.Invoke();
    }

    /// <summary>The picture.</summary>
    public IRenderable Picture()
    {
        lock (gate)
        {
            var rows = new List<IRenderable> { new Text(title, new Style(decoration: Decoration.Bold)), Bar() };
            if (progress.Last is { } last)
                rows.Add(Numbers(last));
            rows.AddRange(notes.Select(note => new Text(note, new Style(foreground: Color.Grey))));
            if (progress.Sample is { } sample)
                rows.Add(Sample(sample));
            return new Rows(rows);
        }
    }

    private static Panel Sample(SampleEvent sample)
    {
        var lines = sample.Text.Trim().ReplaceLineEndings("\n").Split('\n').Take(SampleLines);
        return new Panel(new Text(string.Join('\n', lines)))
        {
            Header = new PanelHeader($"sample {sample.Index} after step {sample.Step}"),
            Expand = true,
        };
    }

    private Grid Numbers(StepEvent last)
    {
        var grid = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
        grid.AddRow(new Text("loss"), new Markup(
            $"[yellow]{Formats.Loss(last.Loss)}[/]  [green]{progress.Losses.Sparkline(BarWidth)}[/]"));
        if (progress.Validation is { } validation)
            grid.AddRow("validation", $"{Formats.Loss(validation.Loss)} at step {validation.Step}");
        grid.AddRow("speed", $"{Formats.Count(progress.TokensPerSecond)} tokens/s");
        grid.AddRow("learning rate", Formats.Rate(last.LearningRate));
        grid.AddRow("workers", $"{last.Workers} (generation {last.Generation})");
        return grid;
    }

    private Markup Bar()
    {
        var share = progress.Steps == 0 ? 0 : Math.Clamp((double)progress.Step / progress.Steps, 0, 1);
        var full = (int)(share * BarWidth);
        return new Markup(
            $"[blue]{new string('━', full)}[/][grey]{new string('━', BarWidth - full)}[/] "
            + $"step {progress.Step}/{progress.Steps}  eta {Formats.Duration(progress.RemainingSeconds)}");
    }

    private void AddNote(string sentence)
    {
        notes.Enqueue(sentence);
        while (notes.Count > NoteCount)
            notes.Dequeue();
    }
}
