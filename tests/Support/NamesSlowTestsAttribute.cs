using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Xunit.v3;

[assembly: Gpt2Cluster.Tests.NamesSlowTests]

namespace Gpt2Cluster.Tests;

/// <summary>
/// Writes each test that ran for more than thirty seconds into slow-tests.txt beside the tests; .ci/run prints it, as
/// <c>dotnet test</c> shows nothing of a test that passes.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class NamesSlowTestsAttribute : BeforeAfterTestAttribute
{
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(30);

    private static readonly string Path = System.IO.Path.Combine(AppContext.BaseDirectory, "slow-tests.txt");

    private static readonly Lock Gate = new();

    private readonly ConcurrentDictionary<string, long> began = new();

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) =>
        began[test.UniqueID] = Stopwatch.GetTimestamp();

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (!began.TryRemove(test.UniqueID, out var start))
            return;
        var took = Stopwatch.GetElapsedTime(start);
        if (took < Slow)
            return;
        lock (Gate)
            File.AppendAllText(Path, $"{took.TotalSeconds,5:0} s  {test.TestDisplayName}\n");
    }
}
