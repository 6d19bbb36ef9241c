using System.Text;
using Gpt2Cluster.Client.Output;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// Shows texts as they come, one below the other: of several that come at the same time, the first as it comes and the
/// next ones once those before are over.
/// </summary>
/// <param name="output">Where they are shown.</param>
/// <param name="prompt">What each begins with; may be empty.</param>
/// <param name="count">How many there will be; several have headers.</param>
internal sealed class SampleScreen(ClientOutput output, string prompt, int count)
{
    private readonly StringBuilder[] waiting = [.. Enumerable.Range(0, count).Select(_ => new StringBuilder())];
    private readonly bool[] isOver = new bool[count];
    private int current;
    private bool hasBegun;

    /// <summary>More of a text; numbers are 1 to the count.</summary>
    public void Piece(int number, string text)
    {
        waiting[number - 1].Append(text);
        Show();
    }

    /// <summary>A text is over.</summary>
    public void Over(int number)
    {
        isOver[number - 1] = true;
        Show();
    }

    private void Show()
    {
        while (current < count && (isOver[current] || waiting[current].Length > 0))
        {
            if (!hasBegun)
                Begin();
            output.ResultText(waiting[current].ToString());
            waiting[current].Clear();
            if (!isOver[current])
                return;
            output.Result("");
            (current, hasBegun) = (current + 1, false);
        }
    }

    private void Begin()
    {
        if (count > 1)
            output.Result($"======== SAMPLE {current + 1} ========");
        output.ResultText(prompt);
        hasBegun = true;
    }
}
