using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class DatasetDivisionTests
{
    [Fact]
    public void The_same_tokens_under_two_names_are_refused_as_the_same_name_is()
    {
        SourceTokens[] sources =
        [
            new("a.txt", 1, new TokenCounts("same", 1000)), new("b.txt", 2, new TokenCounts("other", 1000)),
            new("c.txt", 3, new TokenCounts("same", 1000)),
        ];
        var problem = Assert.Throws<UserErrorException>(() => DatasetDivision.Of(sources, null, 64, 0));
        Assert.Equal(
            "a.txt and c.txt hold the same; give one of them, with the sum of their proportions.", problem.Message);
        Assert.Equal(2, DatasetDivision.Of(sources[..2], null, 64, 0).Dataset.Sources().Count);
    }
}
