using Gpt2Cluster.Contracts;

namespace Gpt2Cluster.Silo.Tests.Processes;

public sealed class NameTakenTests
{
    [Fact]
    public async Task A_second_silo_of_a_name_ends_with_a_sentence_and_the_first_one_stays()
    {
        using var folder = new TestFolder();
        using var otherFolder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "a");
        using var second = SiloProcess.Start(otherFolder.Path, "--redis", first.Redis, "--name", "a");

        Assert.Equal(2, await second.UntilExit());

        var place = $"127.0.0.1:{first.Ready.GetProperty("silo_port")}";
        Assert.Contains(
            $"Another silo named a is in the cluster, at {place}; give this one a name of its own with --name.",
            second.Output);
        await using var client = await TestClient.Connect(first);
        var silo = Assert.Single((await client.Grains.Cluster().Describe()).Silos);
        Assert.Equal(first.Http.Authority, silo.HttpAddress);
    }

    [Fact]
    public async Task A_silo_that_was_killed_and_comes_back_on_other_ports_gets_its_name()
    {
        using var folder = new TestFolder();
        using var otherFolder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "a");
        using (var second = await SiloProcess.StartReady(otherFolder.Path, "--redis", first.Redis, "--name", "b"))
            second.Kill();

        using var again = await SiloProcess.StartReady(otherFolder.Path, "--redis", first.Redis, "--name", "b");

        await using var client = await TestClient.Connect(first);
        var view = await client.Grains.Cluster().Describe();
        Assert.Equal(again.Http.Authority, view.Silos.Single(silo => silo.Name == "b".Silo()).HttpAddress);
    }
}
