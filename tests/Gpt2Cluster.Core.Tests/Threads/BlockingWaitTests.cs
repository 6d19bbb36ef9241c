using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Core.Tests.Threads;

public sealed class BlockingWaitTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task What_follows_an_await_is_done_on_the_thread_that_runs_the_work()
    {
        var threads = await DedicatedThread.Run("owner", () => BlockingWait.RunHere(async () =>
        {
            var before = Environment.CurrentManagedThreadId;
            await DedicatedThread.Run("another", () => 0);
            return (Before: before, After: Environment.CurrentManagedThreadId);
        })).WaitAsync(Bound, TestContext.Current.CancellationToken);
        Assert.Equal(threads.Before, threads.After);
    }

    [Fact]
    public async Task What_the_work_leaves_behind_goes_on_elsewhere()
    {
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (owner, rest) = await DedicatedThread.Run("owner", () =>
        {
            var begun = BlockingWait.RunHere(() => Task.FromResult(Rest()));
            return (Environment.CurrentManagedThreadId, begun);
        }).WaitAsync(Bound, TestContext.Current.CancellationToken);
        left.SetResult();
        Assert.NotEqual(owner, await rest.WaitAsync(Bound, TestContext.Current.CancellationToken));

        async Task<int> Rest()
        {
            await left.Task;
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public void What_goes_wrong_comes_as_it_is()
    {
        Assert.Equal("no disk", Assert.Throws<IOException>(() => BlockingWait.RunHere(Fail)).Message);

        static async Task<int> Fail()
        {
            await Task.Yield();
            throw new IOException("no disk");
        }
    }
}
