using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// NVIDIA's management library (<c>libnvidia-ml.so.1</c>, a part of every driver), which reads cards without a
/// context on
/// them. Where it is not there, there is nothing to read.
/// </summary>
public sealed class Nvml : ICardMonitor
{
    private const int TextLength = 128;

    // nvmlClockType_t, nvmlMemoryErrorType_t, nvmlEccCounterType_t and nvmlTemperatureSensors_t of nvml.h.
    private const int MultiprocessorClock = 1;
    private const int MemoryClock = 2;
    private const int Corrected = 0;
    private const int Uncorrected = 1;
    private const double MegaHertz = 1e6;
    private const double Milliwatt = 1e-3;

    private static readonly (ulong Bit, string Name)[] Reasons =
    [
        (0x1, "idle"), (0x2, "application_clocks"), (0x4, "power_cap"), (0x8, "hardware_slowdown"),
        (0x10, "sync_boost"), (0x20, "software_thermal"), (0x40, "hardware_thermal"), (0x80, "power_brake"),
        (0x100, "display_clocks"),
    ];

    private readonly Functions? functions;

    /// <summary>Opens the library, if it is there.</summary>
    public Nvml()
        : this(OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1")
    {
    }

    /// <summary>Opens a library of another name.</summary>
    internal Nvml(string libraryName)
    {
        if (NativeLibrary.TryLoad(libraryName, out var library) && new Functions(library) is var found && found.Start())
            functions = found;
    }

    /// <inheritdoc/>
    public IReadOnlyList<CardReading> Read() => functions is null
        ? []
        : [.. Enumerable.Range(0, functions.Count()).Select(functions.Card).OfType<nint>().Select(Reading)];

    private CardReading Reading(nint card)
    {
        var nvml = functions!;
        var (free, total) = nvml.Memory(card) ?? default((long?, long?));
        return new CardReading(nvml.Text("nvmlDeviceGetUUID", card) ?? "", nvml.Text("nvmlDeviceGetName", card) ?? "")
        {
            DriverVersion = nvml.DriverVersion(),
            Utilization = nvml.Utilization(card) / 100.0,
            MemoryBytes = total,
            FreeMemoryBytes = free,
            Temperature = nvml.Number("nvmlDeviceGetTemperature", card, 0),
            Power = nvml.Number("nvmlDeviceGetPowerUsage", card) * Milliwatt,
            MultiprocessorClock = nvml.Number("nvmlDeviceGetClockInfo", card, MultiprocessorClock) * MegaHertz,
            MemoryClock = nvml.Number("nvmlDeviceGetClockInfo", card, MemoryClock) * MegaHertz,
            ThrottleReasons = nvml.Bits("nvmlDeviceGetCurrentClocksThrottleReasons", card) is { } bits
                ? [.. Reasons.Where(reason => (bits & reason.Bit) != 0).Select(reason => reason.Name)]
                : null,
            CorrectedErrors = nvml.Errors(card, Corrected),
            UncorrectedErrors = nvml.Errors(card, Uncorrected),
            LinkGeneration = (int?)nvml.Number("nvmlDeviceGetCurrPcieLinkGeneration", card),
            LinkWidth = (int?)nvml.Number("nvmlDeviceGetCurrPcieLinkWidth", card),
            IsDivided = nvml.IsDivided(card),
        };
    }

    /// <summary>The library's functions under the names of nvml.h; null where a card does not support one.</summary>
    private sealed unsafe class Functions(nint library)
    {
        public bool Start() => Find("nvmlInit_v2", out var start) && ((delegate* unmanaged<int>)start)() == 0;

        public int Count()
        {
            uint count;
            return Find("nvmlDeviceGetCount_v2", out var get) && ((delegate* unmanaged<uint*, int>)get)(&count) == 0
                ? (int)count
                : 0;
        }

        public nint? Card(int index)
        {
            nint card;
            return Find("nvmlDeviceGetHandleByIndex_v2", out var get)
                && ((delegate* unmanaged<uint, nint*, int>)get)((uint)index, &card) == 0 ? card : null;
        }

        public string? DriverVersion()
        {
            var text = stackalloc byte[TextLength];
            return Find("nvmlSystemGetDriverVersion", out var get)
                && ((delegate* unmanaged<byte*, uint, int>)get)(text, TextLength) == 0 ? Read(text) : null;
        }

        public string? Text(string name, nint card)
        {
            var text = stackalloc byte[TextLength];
            return Find(name, out var get)
                && ((delegate* unmanaged<nint, byte*, uint, int>)get)(card, text, TextLength) == 0 ? Read(text) : null;
        }

        public double? Number(string name, nint card)
        {
            uint value;
            return Find(name, out var get)
            && ((delegate* unmanaged<nint, uint*, int>)get)(card, &value) == 0
                ? value
                : null;
        }

        public double? Number(string name, nint card, int which)
        {
            uint value;
            return Find(name, out var get)
                && ((delegate* unmanaged<nint, int, uint*, int>)get)(card, which, &value) == 0
                ? value
                : null;
        }

        public ulong? Bits(string name, nint card)
        {
            ulong value;
            return Find(name, out var get) && ((delegate* unmanaged<nint, ulong*, int>)get)(card, &value) == 0
                ? value
                : null;
        }

        public double? Utilization(nint card)
        {
            var shares = stackalloc uint[2];
            return Find("nvmlDeviceGetUtilizationRates", out var get)
                && ((delegate* unmanaged<nint, uint*, int>)get)(card, shares) == 0 ? shares[0] : null;
        }

        public (long? Free, long? Total)? Memory(nint card)
        {
            var bytes = stackalloc ulong[3];
            return Find("nvmlDeviceGetMemoryInfo", out var get)
                && ((delegate* unmanaged<nint, ulong*, int>)get)(card, bytes) == 0
                    ? ((long)bytes[1], (long)bytes[0])
                    : null;
        }

        public long? Errors(nint card, int type)
        {
            ulong count;
            return Find("nvmlDeviceGetTotalEccErrors", out var get)
                && ((delegate* unmanaged<nint, int, int, ulong*, int>)get)(card, type, 0, &count) == 0
                    ? (long)count
                    : null;
        }

        public bool? IsDivided(nint card)
        {
            uint current, pending;
            return Find("nvmlDeviceGetMigMode", out var get)
                && ((delegate* unmanaged<nint, uint*, uint*, int>)get)(card, &current, &pending) == 0
                    ? current != 0
                    : null;
        }

        private static string Read(byte* text) =>
            Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

        private bool Find(string name, out void* function)
        {
            var isThere = NativeLibrary.TryGetExport(library, name, out var export);
            function = (void*)export;
            return isThere;
        }
    }
}
