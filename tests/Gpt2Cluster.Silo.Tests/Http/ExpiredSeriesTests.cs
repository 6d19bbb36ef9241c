using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Silo.Http;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Silo.Tests.Http;

public sealed class ExpiredSeriesTests
{
    private const string Scrape =
        "# TYPE a gauge\na{run=\"old\"} 1\na{run=\"new\"} 2\nb{worker=\"s/0\",run=\"old\"} 3\nc{other_run=\"old\"} 4\n";

    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Leaves_a_run_out_five_minutes_after_its_last_holder_let_go()
    {
        var series = new RunSeries(time);
        series.Begin("old".Run(), "coordinator");
        series.Begin("old".Run(), "s/0");
        series.Begin("new".Run(), "coordinator");
        series.End("old".Run(), "coordinator");
        time.Advance(RunSeries.Afterlife * 2);
        Assert.Equal(Scrape, ExpiredSeries.Without(Scrape, series));
        series.End("old".Run(), "s/0");
        time.Advance(RunSeries.Afterlife);
        Assert.Equal(Scrape, ExpiredSeries.Without(Scrape, series));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(
            "# TYPE a gauge\na{run=\"new\"} 2\nc{other_run=\"old\"} 4\n", ExpiredSeries.Without(Scrape, series));
        series.Begin("old".Run(), "coordinator");
        Assert.Equal(Scrape, ExpiredSeries.Without(Scrape, series));
    }
}
