using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Reducers;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Reducers;

public sealed class OpenExchangeTests
{
    private readonly List<string> calls = [];
    private readonly OpenExchange place;

    public OpenExchangeTests() => place = new OpenExchange(new FakeChannel(calls), "poems".Run());

    [Fact]
    public void It_is_opened_once_for_the_reducer_and_all_workers()
    {
        Configure(1);
        Assert.Same(place.Join(1), place.Join(1));
        Assert.Equal(["open", "configure 1"], calls);
    }

    [Fact]
    public void A_silo_whose_other_worker_was_refused_keeps_it()
    {
        Configure(1);
        place.Join(1);
        place.Join(1);
        place.Leave(1);
        place.Close(1);
        Assert.NotNull(place.Exchange);
        Configure(2);
        place.Leave(2);
        Assert.Null(place.Exchange);
        Assert.Equal(["open", "configure 1", "withdraw 1", "configure 2", "withdraw 2", "close"], calls);
    }

    [Fact]
    public void One_that_no_worker_ever_used_is_closed_at_once()
    {
        Configure(1);
        place.Close(1);
        Assert.Equal(["open", "configure 1", "close"], calls);
    }

    [Fact]
    public void The_last_worker_of_an_old_generation_leaves_the_new_membership_alone()
    {
        Configure(1);
        place.Join(1);
        Configure(2);
        place.Leave(1);
        place.Close(1);
        Assert.NotNull(place.Exchange);
        place.Close(2);
        Assert.Null(place.Exchange);
    }

    [Fact]
    public void A_run_that_goes_on_opens_it_again()
    {
        Configure(1);
        place.Close(1);
        Configure(2);
        Assert.Equal(["open", "configure 1", "close", "open", "configure 2"], calls);
    }

    private void Configure(int generation) => place.Configure(
        new ExchangeMembership
        {
            Run = "poems".Run(),
            Generation = generation,
            LeafCount = 1,
            Silos = [],
            OwnIndex = 0
        },
        elementCount: 1);

    private sealed class FakeChannel(List<string> calls) : IStripeChannel
    {
        public event Action<UnreachableSilo>? Unreachable
        {
            add => throw new NotSupportedException();
            remove => throw new NotSupportedException();
        }

        public int Port => 1;

        public IRunExchange Open(RunName run, long elementCount)
        {
            calls.Add("open");
            return new FakeExchange(calls) { Closed = () => calls.Add("close") };
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
