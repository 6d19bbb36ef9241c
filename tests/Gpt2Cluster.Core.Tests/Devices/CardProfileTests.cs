using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Core.Tests.Devices;

public sealed class CardProfileTests
{
    [Fact]
    public void Two_cards_of_one_machine_have_equal_profiles()
    {
        var second = Cards.H200 with { Uuid = "GPU-99990000-0000-0000-0000-000000000009" };
        Assert.Equal(CardProfile.DeviceClass(Cards.H200), CardProfile.DeviceClass(second));
        Assert.Equal(CardProfile.InstructionSet(Cards.H200), CardProfile.InstructionSet(second));
        Assert.Equal("NVIDIA H200, sm_90, 132 multiprocessors", CardProfile.DeviceClass(second));
        Assert.Equal("sm_90, cuBLASLt 12.8.4, cuDNN 9.8.0", CardProfile.InstructionSet(second));
    }

    [Fact]
    public void Another_model_architecture_slice_or_library_is_another_profile()
    {
        CardDescription[] others =
        [
            Cards.T4,
            Cards.H200 with { Name = "NVIDIA H100 80GB HBM3" },
            Cards.H200 with { CapabilityMajor = 8 },
            Cards.H200 with { MultiprocessorCount = 114 },
            Cards.H200 with { Libraries = "cuBLASLt 12.9.1, cuDNN 9.8.0" },
        ];
        Assert.All(others, other => Assert.NotEqual(Profile(Cards.H200), Profile(other)));
    }

    [Theory]
    [InlineData(7, 0, false, true)]
    [InlineData(7, 5, false, false)]
    [InlineData(8, 0, true, false)]
    [InlineData(12, 0, true, false)]
    public void Capability_decides_about_bf16_and_whether_a_card_is_taken(
        int major, int minor, bool multipliesBFloat16, bool isRefused)
    {
        var card = Cards.T4 with { CapabilityMajor = major, CapabilityMinor = minor };
        Assert.Equal(multipliesBFloat16, CardProfile.MultipliesBFloat16(card));
        Assert.Equal(isRefused, CardProfile.Refusal(card) is not null);
    }

    [Fact]
    public void A_refusal_names_card_capability_and_remedy() => Assert.Equal(
        "The card Tesla T4 (GPU-8f3b0000-0000-0000-0000-000000000002) has compute capability 6.1, and 7.5 is the least "
        + "that libtorch has kernels for; start the silo with --devices cpu, or name other cards.",
        CardProfile.Refusal(Cards.T4 with { CapabilityMajor = 6, CapabilityMinor = 1 }));

    [Fact]
    public void A_newer_architecture_is_faster_and_then_more_multiprocessors()
    {
        Assert.True(CardProfile.SpeedRank(Cards.H200) > CardProfile.SpeedRank(Cards.T4));
        Assert.True(CardProfile.SpeedRank(Cards.H200) > CardProfile.SpeedRank(
            Cards.H200 with { MultiprocessorCount = 114 }));
    }

    [Fact]
    public void Versions_are_written_as_people_write_them() => Assert.Equal("12.8", CardDescription.VersionText(12080));

    private static (string Class, string Set) Profile(CardDescription card) =>
        (CardProfile.DeviceClass(card), CardProfile.InstructionSet(card));
}
