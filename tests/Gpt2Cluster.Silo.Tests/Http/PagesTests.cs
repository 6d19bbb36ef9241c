using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Silo.Http;

namespace Gpt2Cluster.Silo.Tests.Http;

public sealed class PagesTests
{
    private static readonly RunSummary Summary = new()
    {
        Name = "verses".Run(),
        Status = RunStatus.Running,
        Step = 7,
        Steps = 200,
        Loss = 5.25,
        Model = "scratch:tiny",
        SubmittedAt = DateTimeOffset.UnixEpoch,
    };

    [Fact]
    public void The_list_leads_to_each_run()
    {
        var page = Pages.RunsPage([Summary]);
        Assert.Contains("<a href=\"/runs/verses\">verses</a>", page, StringComparison.Ordinal);
        Assert.Contains("7 / 200", page, StringComparison.Ordinal);
        Assert.Contains("There is no run yet", Pages.RunsPage([]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_runs_page_shows_its_state_and_its_samples_as_text_whatever_they_hold()
    {
        var run = new RunDescription
        {
            Summary = Summary,
            Record = new RunRecord { Specification = null!, Remark = "it waits for <2> workers" },
            Workers = ["a/0".Worker(), "b/0".Worker()],
        };
        var sample = new SampleEvent { Run = "verses".Run(), Step = 5, Index = 1, Text = "<script>alert(1)</script>" };
        var page = RunPage.Write(run, [sample]);
        foreach (var part in new[] { "7 / 200", "5.2500", "a/0, b/0", "&lt;2&gt; workers", "Sample 1 after step 5" })
            Assert.Contains(part, page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;", page, StringComparison.Ordinal);
    }
}
