using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>
/// A live picture for a terminal: progress with the time to go, the loss and its course, the last sample. It fits the
/// terminal it is drawn on, whatever the events hold.
/// </summary>
/// <param name="run">The run's name.</param>
/// <param name="steps">Steps in all; 0 while unknown.</param>
internal sealed class LiveRunView(RunName run, long steps) : IRunView
{
    /// <summary>Notes shown at most, one line each.</summary>
    private const int NoteCount = 4;

    /// <summary>Lines of the title at most.</summary>
    private const int TitleLines = 2;

    /// <summary>Lines of the last sample shown at most, however high the terminal is.</summary>
    private const int SampleLines = 12;

    /// <summary>A sample of fewer lines than this says nothing.</summary>
    private const int FewestSampleLines = 2;

    /// <summary>Lines of a panel that are not its text, and the line below the picture.</summary>
    private const int PanelLines = 3;

    /// <summary>Cells of a panel's line that are not its text.</summary>
    private const int PanelCells = 4;

    private const int BarWidth = 48;
    private const int LeastBarWidth = 8;

    /// <summary>Cells before the value of a number.</summary>
    private const int LabelCells = 15;

    /// <summary>Cells of the loss now and of the first one, beside its course.</summary>
    private const int LossCells = 24;

    private readonly RunProgress progress = new(steps);
    private readonly Queue<string> notes = new();
    private readonly Lock gate = new();
    private string title = run.ToString();

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
    /// <param name="width">Cells of a line.</param>
    /// <param name="height">Lines of the terminal.</param>
    public IRenderable Picture(int width, int height)
    {
        lock (gate)
        {
            var rows = new List<IRenderable>();
            rows.AddRange(ScreenText.Wrap(title, width).Take(TitleLines)
                .Select(line => new Text(line, new Style(decoration: Decoration.Bold))));
            rows.Add(Bar(width));
            if (progress.Last is { } last)
                rows.AddRange(Numbers(last, width));
            rows.AddRange(notes.TakeLast(Math.Max(0, height - 1 - rows.Count)).Select(note => new Text(
                ScreenText.Fit(note, width), new Style(foreground: Color.Grey))));
            var room = Math.Min(SampleLines, height - rows.Count - PanelLines);
            if (progress.Sample is { } sample && room >= FewestSampleLines)
                rows.Add(Sample(sample, width, room));
            return new Rows(rows.Take(Math.Max(1, height - 1)));
        }
    }

    private static Panel Sample(SampleEvent sample, int width, int room)
    {
        var lines = ScreenText.Wrap(sample.Text.Trim(), Math.Max(1, width - PanelCells)).Take(room);
        return new Panel(new Text(string.Join('\n', lines)))
        {
            Header = new PanelHeader($"sample {sample.Index} after step {sample.Step}"),
            Expand = true,
        };
    }

    private IEnumerable<IRenderable> Numbers(StepEvent last, int width)
    {
        var course = Sparkline.Of(progress.Losses.Points, Math.Clamp(width - LabelCells - LossCells, 0, BarWidth));
        var loss = $"[yellow]{Formats.Loss(last.Loss)}[/]  [green]{course}[/]{From(progress.FirstLoss)}";
        yield return Number("loss", loss);
        if (progress.Validation is { } validation)
            yield return Number("validation", $"{Formats.Loss(validation.Loss)} at step {validation.Step}");
        yield return Number("speed", $"{Formats.Count(progress.TokensPerSecond)} tokens/s");
        yield return Number("learning rate", Formats.Rate(last.LearningRate));
        yield return Number("workers", $"{last.Workers} (generation {last.Generation})");
    }

    private static Markup Number(string label, string value) => new(label.PadRight(LabelCells) + value);

    private static string From(double? first) => first is { } loss ? $"  from {Formats.Loss(loss)}" : "";

    private Markup Bar(int width)
    {
        var text = $" step {progress.Step}/{progress.Steps}  eta {Formats.Duration(progress.RemainingSeconds)}";
        var cells = Math.Clamp(width - text.Length, LeastBarWidth, BarWidth);
        var share = progress.Steps == 0 ? 0 : Math.Clamp((double)progress.Step / progress.Steps, 0, 1);
        var full = (int)(share * cells);
        return new Markup($"[blue]{new string('━', full)}[/][grey]{new string('─', cells - full)}[/]{text}");
    }

    private void AddNote(string sentence)
    {
        notes.Enqueue(sentence);
        while (notes.Count > NoteCount)
            notes.Dequeue();
    }
}
