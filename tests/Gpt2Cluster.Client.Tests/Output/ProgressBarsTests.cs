using Gpt2Cluster.Client.Output;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Client.Tests.Output;

public sealed class ProgressBarsTests
{
    [Fact]
    public async Task In_a_pipe_long_work_says_every_ten_seconds_how_far_it_is()
    {
        using var said = new Said();
        var time = new FakeTimeProvider();
        await ProgressBars.Run(
            said.Output,
            "reading a.txt",
            1000,
            progress =>
            {
                foreach (var done in new[] { 50, 100, 150, 200, 1000 })
                {
                    time.Advance(TimeSpan.FromSeconds(9));
                    progress.Report(done);
                }

                return Task.CompletedTask;
            },
            time);
        Assert.Equal(
            "reading a.txt\nreading a.txt: 10 %  eta 2:42\nreading a.txt: 20 %  eta 2:24\n", said.Remarks);
    }

    [Fact]
    public async Task Work_that_nobody_would_see_is_not_told_of()
    {
        using var said = new Said();
        var isDone = false;
        await ProgressBars.RunLong(said.Output, "checking a.txt", 1000, progress =>
        {
            progress.Report(500);
            isDone = true;
            return Task.CompletedTask;
        });
        Assert.True(isDone);
        Assert.Equal("", said.Remarks);
    }
}
