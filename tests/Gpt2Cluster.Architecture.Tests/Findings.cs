namespace Gpt2Cluster.Architecture.Tests;

/// <summary>Findings are shown whole: xunit cuts long ones off.</summary>
internal static class Findings
{
    /// <summary>Fails with every finding on a line of its own, if there is one.</summary>
    public static void None(IEnumerable<string> findings)
    {
        var all = string.Join('\n', findings);
        Assert.True(all.Length == 0, all);
    }
}
