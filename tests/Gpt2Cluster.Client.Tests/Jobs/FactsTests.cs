using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Jobs;

namespace Gpt2Cluster.Client.Tests.Jobs;

public sealed class FactsTests
{
    [Fact]
    public void Numbers_of_every_type_have_separators_and_ports_have_none()
    {
        var said = new Said();
        SummaryTable.Show(said.Output, new JsonObject
        {
            ["memory_bytes"] = 5_612_345_678L,
            ["tokens"] = 12_345,
            ["rate"] = 1234.5,
            ["loss"] = 3.25,
            ["silo_port"] = 11_111,
            ["read"] = JsonNode.Parse("98765"),
        });
        Assert.Equal(
            """
            memory bytes: 5,612,345,678
            tokens: 12,345
            rate: 1,235
            loss: 3.25
            silo port: 11111
            read: 98,765

            """,
            said.Results);
    }
}
