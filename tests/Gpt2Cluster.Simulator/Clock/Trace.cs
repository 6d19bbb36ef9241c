using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Gpt2Cluster.Simulator.Clock;

/// <summary>
/// What happened, line by line, for whoever replays a seed. Off in all other simulations: its lines are not even made
/// then.
/// </summary>
/// <param name="timeline">Gives each line its time.</param>
/// <param name="writer">Takes the lines; null for no trace.</param>
internal sealed class Trace(Timeline timeline, TextWriter? writer)
{
    /// <summary>Whether anybody reads it.</summary>
    public bool IsOn => writer is not null;

    /// <summary>Writes a line.</summary>
    public void Say([InterpolatedStringHandlerArgument("")] ref TraceLine line)
    {
        if (writer is null)
            return;
        var seconds = timeline.Now.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
        writer.Write($"{seconds,12}  {line.Text}\n");
    }
}

/// <summary>A line of a trace; its parts are formatted only if somebody reads it.</summary>
[InterpolatedStringHandler]
internal readonly ref struct TraceLine
{
    private readonly StringBuilder? text;

    /// <summary>Begins a line.</summary>
    public TraceLine(int literalLength, int formattedCount, Trace trace, out bool isRead)
    {
        isRead = trace.IsOn;
        text = isRead ? new StringBuilder(literalLength + (8 * formattedCount)) : null;
    }

    /// <summary>What it says.</summary>
    public string Text => text?.ToString() ?? "";

    /// <summary>Adds what is written as it stands.</summary>
    public void AppendLiteral(string literal) => text!.Append(literal);

    /// <summary>Adds a value.</summary>
    public void AppendFormatted<T>(T value) => text!.Append(CultureInfo.InvariantCulture, $"{value}");
}
