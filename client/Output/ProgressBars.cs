using Spectre.Console;

namespace Gpt2Cluster.Client.Output;

/// <summary>Shows how far a piece of work is: a bar on a terminal, one remark in a pipe.</summary>
internal static class ProgressBars
{
    /// <summary>Does the work.</summary>
    /// <param name="output">Where it is shown.</param>
    /// <param name="words">What the work is.</param>
    /// <param name="total">Its size, bytes.</param>
    /// <param name="work">The work; it reports the bytes done.</param>
    public static async Task Run(ClientOutput output, string words, long total, Func<IProgress<long>, Task> work)
    {
        if (!output.IsLive)
        {
            output.Remark(words);
            await work(new Sink(_ => { }));
            return;
        }

        await output.Terminal().Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async picture =>
            {
                var bar = picture.AddTask(Markup.Escape(words), maxValue: Math.Max(1, total));
                await work(new Sink(done => bar.Value = done));
            });
    }

    /// <summary>Reports on the thread that reports, in order; <see cref="Progress{T}"/> posts elsewhere.</summary>
    private sealed class Sink(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
