using Spectre.Console;

namespace Gpt2Cluster.Client.Output;

/// <summary>
/// Shows how far a piece of work is: a bar on a terminal; in a pipe one remark, and further ones while it lasts.
/// </summary>
internal static class ProgressBars
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

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
            await work(new Sink(new Lines(output, words, total).Report));
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

    /// <summary>A line now and then, so that who reads a log sees that it goes on and when it ends.</summary>
    private sealed class Lines(ClientOutput output, string words, long total)
    {
        private readonly long began = TimeProvider.System.GetTimestamp();
        private TimeSpan next = BetweenLines;

        public void Report(long done)
        {
            var spent = TimeProvider.System.GetElapsedTime(began);
            if (spent < next || done <= 0 || done >= total)
                return;
            next = spent + BetweenLines;
            var left = spent.TotalSeconds * (total - done) / done;
            output.Remark($"{words}: {Formats.Bytes(done)} of {Formats.Bytes(total)}  "
                + $"{Formats.Bytes(done / spent.TotalSeconds)}/s  eta {Formats.Duration(left)}");
        }
    }

    /// <summary>Reports on the thread that reports, in order; <see cref="Progress{T}"/> posts elsewhere.</summary>
    private sealed class Sink(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
