using System.Text.Json.Nodes;
using Gpt2Cluster.Grains.Jobs;

namespace Gpt2Cluster.Grains.Tests.Jobs;

public sealed class JobEventsTests
{
    [Fact]
    public void Events_are_numbered_without_gaps_and_given_after_a_number()
    {
        var events = new JobEvents();
        for (var index = 1; index <= JobEvents.PageSize + 5; index++)
            events.Add("progress", new JsonObject { ["done"] = index });
        var (first, _) = events.After(0);
        Assert.Equal(JobEvents.PageSize, first.Length);
        var (rest, _) = events.After(first[^1].Sequence);
        Assert.Equal([1001L, 1002, 1003, 1004, 1005], rest.Select(line => line.Sequence));
        Assert.Equal("""{"event":"progress","done":1005}""", rest[^1].Json);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_said_as_a_word()
    {
        var events = new JobEvents();
        events.Add("result", new JsonObject { ["loss"] = double.NaN });
        Assert.Equal("""{"event":"result","loss":"NaN"}""", events.After(0).Lines[0].Json);
    }

    [Fact]
    public void A_job_that_this_process_never_started_is_over_for_whoever_asks()
    {
        var line = JobEvents.Lost(41);
        Assert.Equal(42, line.Sequence);
        Assert.Equal(
            """{"event":"error","message":"The silo was restarted and the work is lost; try it again."}""", line.Json);
    }

    [Fact]
    public void Letters_stay_readable_and_a_wait_ends_with_the_next_event()
    {
        var events = new JobEvents();
        var (none, more) = events.After(0);
        Assert.Empty(none);
        Assert.False(more.IsCompleted);
        events.Add("token", new JsonObject { ["text"] = "é <b>" });
        Assert.True(more.IsCompleted);
        Assert.Contains("é <b>", events.After(0).Lines[0].Json);
    }
}
