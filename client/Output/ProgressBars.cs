using Spectre.Console;

namespace Gpt2Cluster.Client.Output;

/// <summary>
/// Shows how far a piece of work is: a bar on a terminal; in a pipe one remark, and further ones while it lasts.
/// </summary>
internal static class ProgressBars
{
    /// <summary>Bytes that take some seconds.</summary>
    private const long LongBytes = 64 << 20;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Does the work.</summary>
    /// <param name="output">Where it is shown.</param>
    /// <param name="words">What the work is.</param>
    /// <param name="total">Its size, in bytes or whatever the work counts.</param>
    /// <param name="work">The work; it reports how much of the size is done.</param>
    /// <param name="time">The clock; the system's unless another is named.</param>
    public static async Task Run(
        ClientOutput output, string words, long total, Func<IProgress<long>, Task> work, TimeProvider? time = null)
    {
        if (!output.IsLive)
        {
            output.WriteMessage(words);
            await work(new Sink(new Lines(output, words, total, time ?? TimeProvider.System).Report));
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

    /// <summary>Does work; shows it only where there is so much that somebody looks before it is over.</summary>
    /// <param name="output">Where it is shown.</param>
    /// <param name="words">What the work is.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="work">The work; it reports the bytes done.</param>
    public static Task RunLong(ClientOutput output, string words, long bytes, Func<IProgress<long>, Task> work) =>
        bytes < LongBytes ? work(new Sink(_ => { })) : Run(output, words, bytes, work);

    /// <summary>A line now and then, so that who reads a log sees that it goes on and when it ends.</summary>
    private sealed class Lines(ClientOutput output, string words, long total, TimeProvider time)
    {
        private readonly long began = time.GetTimestamp();
        private TimeSpan next = BetweenLines;

        public void Report(long done)
        {
            var spent = time.GetElapsedTime(began);
            if (spent < next || done <= 0 || done >= total)
                return;
            next = spent + BetweenLines;
            var left = spent.TotalSeconds * (total - done) / done;
            output.WriteMessage(FormattableString.Invariant(
                $"{words}: {100.0 * done / total:0} %  eta {Formats.Duration(left)}"));
        }
    }

    /// <summary>Reports on the thread that reports, in order; <see cref="Progress{T}"/> posts elsewhere.</summary>
    private sealed class Sink(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
