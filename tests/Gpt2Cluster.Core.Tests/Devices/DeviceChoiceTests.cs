using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Devices;

public sealed class DeviceChoiceTests
{
    private static readonly AvailableDevice Old = new(DeviceKind.Cpu, "AVX2", false, 1);
    private static readonly AvailableDevice New = new(DeviceKind.Cpu, "AVX512_BF16", true, 3);
    private static readonly AvailableDevice Card = new(DeviceKind.Cuda, "NVIDIA H200", true, 90132);
    private static readonly AvailableDevice SlowCard = new(DeviceKind.Cuda, "Tesla T4", false, 75040);

    [Fact]
    public void One_slow_processor_does_not_make_a_run_of_cards_fp32() => Assert.Equal(
        new ChosenDevices(DeviceKind.Cuda, "NVIDIA H200", Precision.BFloat16), Choose([Old, Card, Card], null, 2));

    [Fact]
    public void The_order_in_which_workers_come_decides_nothing()
    {
        AvailableDevice[] devices = [Old, Card, New, SlowCard, Old];
        Assert.Equal(Choose(devices, null, 1), Choose([.. devices.Reverse()], null, 1));
    }

    [Fact]
    public void A_faster_class_that_has_too_few_workers_is_passed_over()
    {
        Assert.Equal(
            new ChosenDevices(DeviceKind.Cpu, "AVX2", Precision.Float32), Choose([Card, Old, Old, New], null, 2));
        Assert.Equal("Tesla T4", Choose([Card, SlowCard, SlowCard, Old, Old], null, 2)!.Class);
    }

    [Fact]
    public void The_wish_decides_whatever_is_faster()
    {
        Assert.Equal(new ChosenDevices(DeviceKind.Cpu, "AVX512_BF16", Precision.BFloat16),
            Choose([Card, Old, New], DeviceKind.Cpu, 1));
        Assert.Equal(new ChosenDevices(DeviceKind.Cuda, "Tesla T4", Precision.Float32),
            Choose([SlowCard, New, New], DeviceKind.Cuda, 1));
    }

    [Fact]
    public void Nothing_is_chosen_while_no_class_has_enough()
    {
        Assert.Null(Choose([], null, 1));
        Assert.Null(Choose([Card, New, Old], null, 2));
        Assert.Null(Choose([New, Old], DeviceKind.Cuda, 1));
    }

    [Fact]
    public void A_run_that_is_not_exact_takes_all_classes_of_a_kind()
    {
        Assert.Equal(
            new ChosenDevices(DeviceKind.Cuda, null, Precision.Float32),
            DeviceChoice.Choose([Card, SlowCard, New], null, 2, isExact: false));
        Assert.Equal(
            new ChosenDevices(DeviceKind.Cpu, null, Precision.Float32),
            DeviceChoice.Choose([Card, New, Old], null, 2, isExact: false));
    }

    private static ChosenDevices? Choose(AvailableDevice[] devices, DeviceKind? wish, int least) =>
        DeviceChoice.Choose(devices, wish, least, isExact: true);
}
