using Gpt2Cluster.Compute;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Silo.Hosting;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Silo.Tests.Hosting;

public sealed class CardSelectionTests
{
    private static readonly CardDescription H200 = new(
        "NVIDIA H200", 9, 0, 132, 150_000_000_000, "GPU-8f3a1111-0000-0000-0000-000000000001", 12080, "");

    private static readonly IReadOnlyList<Device> Cards = ReplicaFactory.CardDevices(
    [
        H200,
        H200 with { Uuid = "GPU-8f3a2222-0000-0000-0000-000000000002" },
        H200 with { Name = "Quadro P4000", CapabilityMajor = 6, Uuid = "GPU-cccc0000-0000-0000-0000-000000000003" },
    ]);

    [Theory]
    [InlineData("0,1", 0, 1)]
    [InlineData("1,0", 1, 0)]
    [InlineData("GPU-8f3a2", 1)]
    [InlineData("gpu-8F3A2222-0000-0000-0000-000000000002,0", 1, 0)]
    public void Takes_numbers_and_the_beginnings_of_UUIDs(string argument, params int[] ordinals)
    {
        var chosen = CardSelection.Choose(Cards, argument);
        Assert.Equal(ordinals, chosen.Select(card => card.Ordinal));
        Assert.Equal(Enumerable.Range(0, ordinals.Length), chosen.Select(card => card.Index));
    }

    [Fact]
    public void All_cards_but_those_that_nothing_computes_on_where_none_is_named() =>
        Assert.Equal([0, 1], CardSelection.Choose(Cards, null).Select(card => card.Ordinal));

    [Theory]
    [InlineData("0,0", "names the card 0 (GPU-8f3a1111-0000-0000-0000-000000000001) twice")]
    [InlineData("1,GPU-8f3a2", "names the card 1 (GPU-8f3a2222-0000-0000-0000-000000000002) twice")]
    [InlineData("GPU-8f3a", "'GPU-8f3a' is the beginning of several cards' UUID")]
    [InlineData("GPU-9", "'GPU-9' is the beginning of no card's UUID")]
    [InlineData("7", "There is no card 7; this machine has 3, counted from 0.")]
    [InlineData("2", "has compute capability 6.0, and 7.5 is the least")]
    public void Refuses_what_is_not_there_and_what_is_named_twice(string argument, string part)
    {
        var problem = Assert.Throws<UserErrorException>(() => CardSelection.Choose(Cards, argument));
        Assert.Contains(part, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_machine_of_cards_that_nothing_computes_on() => Assert.Contains(
        "Quadro P4000",
        Assert.Throws<UserErrorException>(() => CardSelection.Choose([Cards[2]], null)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Devices_of_one_model_are_of_one_class_whatever_their_number()
    {
        Assert.Equal(Cards[0].Class, Cards[1].Class);
        Assert.NotEqual(Cards[0].Class, Cards[2].Class);
        Assert.Equal((true, false), (Cards[0].BFloat16IsFast, Cards[2].BFloat16IsFast));
    }

    [Fact]
    public void Says_what_keeps_a_build_from_a_machines_cards()
    {
        var sight = new CudaSight { HasDriver = true, Cards = [H200] };
        Assert.Contains("this build is for processors", Devices.NoticeOf(sight, false)!, StringComparison.Ordinal);
        Assert.Null(Devices.NoticeOf(CudaSight.Nothing, false));
        var missing = Devices.NoticeOf(CudaSight.Nothing, true)!;
        Assert.StartsWith("The silo trains on the processor, though it is built for cards. ", missing);
    }
}
